import pandas as pd
import pytest

from respine.core.errors import TableError
from respine.core.tables import TABLES, Column, Table

TABLE = Table(
    "spots",
    "a spot",
    ("name",),
    (
        Column("name", "text", "", "which"),
        Column("size_um", "number", "um", "how large", required=False),
        Column("seen", "flag", "", "whether", required=False),
        Column("count", "integer", "", "how many", required=False),
    ),
)
ROWS = {"count": [1, 2], "name": ["a", "b"], "size_um": [0.5, None], "seen": [True, None]}


def frame(**changes):
    return pd.DataFrame({**ROWS, **changes})


def refused(message):
    return pytest.raises(TableError, match=f"^table spots{message}")


def test_columns_are_ordered_and_typed_and_missing_stays_missing():
    table = TABLE.conform(frame())
    assert list(table.columns) == ["name", "size_um", "seen", "count"]
    assert [str(t) for t in table.dtypes] == ["string", "Float64", "boolean", "Int64"]
    assert table.size_um.isna().tolist() == [False, True]


def test_an_empty_table_has_all_columns():
    assert list(TABLE.empty().columns) == ["name", "size_um", "seen", "count"]


def test_missing_and_unknown_columns_are_named():
    with refused(r": missing columns \['count'\], unknown columns \['counts'\]$"):
        TABLE.conform(frame().rename(columns={"count": "counts"}))


def test_a_wrong_type_is_named():
    with refused(", column size_um: expected number; "):
        TABLE.conform(frame(size_um=["wide", "narrow"]))


def test_a_required_value_must_be_there():
    with refused(", column name: 1 of 2 rows are empty$"):
        TABLE.conform(frame(name=["a", None]))


def test_keys_must_not_repeat():
    with refused(r": 1 rows repeat a key, first \{'name': 'a'\}$"):
        TABLE.conform(frame(name=["a", "a"]))


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_declaration_is_complete(table):
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.keys) <= set(names)
    for column in table.columns:
        assert column.kind in ("text", "integer", "number", "flag")
        assert column.meaning
        assert column.unit or column.kind != "number", f"{column.name} has no unit"
        for ending, unit in (("_um", "um"), ("_h", "h"), ("_deg", "degree"), ("_per_um", "1/um")):
            if column.name.endswith(ending) and not (ending == "_um" and column.name.endswith("_per_um")):
                assert column.unit == unit
