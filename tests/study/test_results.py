"""What is written into results/: declared tables with units, whole or not at all, the same bytes each time."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from respine.core.errors import InputError, ReadError, TableError
from respine.study.results import Results


def density(n_rows=2):
    return pd.DataFrame(
        {
            "subject": "m1",
            "session": [f"s{k}" for k in range(n_rows)],
            "n_dendrites": 1,
            "n_scorable": 3,
            "n_present": 2,
            "length_um": [4.0, None][:n_rows],
            "density_per_um": [0.5, None][:n_rows],
            "density_mean_of_dendrites_per_um": [0.5, None][:n_rows],
            "reason": [None, "outside the stack"][:n_rows],
        }
    )


@pytest.fixture
def results(tmp_path):
    return Results(tmp_path)


def test_a_table_comes_back_as_it_was_declared(results):
    results.write_table("density_by_subject", density())
    back = results.read_table("density_by_subject")
    assert back["length_um"].tolist() == [4.0, pd.NA]
    assert back.dtypes.astype(str).to_dict()["n_present"] == "Int64"
    assert results.table_names() == ("density_by_subject",)


def test_every_column_carries_its_unit_and_meaning(results):
    results.write_table("density_by_subject", density())
    schema = pq.read_schema(results.folder / "tables" / "density_by_subject.parquet")
    about = schema.field("density_per_um").metadata
    assert about[b"unit"] == b"1/um"
    assert about[b"meaning"] == b"n_present / length_um"


def test_the_same_rows_are_the_same_bytes(results):
    path = results.folder / "tables" / "density_by_subject.parquet"
    results.write_table("density_by_subject", density())
    first = path.read_bytes()
    results.write_table("density_by_subject", density().iloc[:, ::-1].copy())
    assert path.read_bytes() == first


def test_a_wrong_table_leaves_the_one_before(results):
    results.write_table("density_by_subject", density())
    with pytest.raises(TableError, match="missing columns \\['length_um'\\]"):
        results.write_table("density_by_subject", density().drop(columns="length_um"))
    assert len(results.read_table("density_by_subject")) == 2
    with pytest.raises(TableError, match=r"^table mine is not declared; the declared ones are: registration, "):
        results.write_table("mine", density())


def test_a_table_that_is_not_there_is_named_with_those_that_are(results):
    results.write_table("density_by_subject", density())
    with pytest.raises(InputError) as caught:
        results.read_table("spine")
    assert str(caught.value) == f"{results.study}: no table spine; the tables are: density_by_subject"
    results.drop_table("density_by_subject")
    results.drop_table("density_by_subject")
    assert results.table_names() == ()


@pytest.mark.parametrize("text", ["", '{"study": '])
def test_a_damaged_provenance_is_named(results, text):
    results.folder.mkdir()
    results.write_provenance({"study": "toy"})
    assert results.read_provenance() == {"study": "toy"}
    path = results.folder / "provenance.json"
    path.write_text(text)
    with pytest.raises(ReadError) as caught:
        results.read_provenance()
    assert str(caught.value).startswith(f"{path}: damaged (")
    assert str(caught.value).endswith(f"; run the study again: respine run {results.study}")
