"""Design matrices: R's names and coding, dropped columns, type III rows known by hand."""

import numpy as np
import pandas as pd
import pytest

from respine.inference import fit_mixed
from respine.inference.mixed.design import build_design, drop_dependent_columns
from respine.inference.mixed.formula import parse_formula
from respine.inference.mixed.hypotheses import build_type3_rows
from respine.inference.mixed.variables import make_frame


def make_table(repeats=2):
    cells = [(a, b, c) for a in "kv" for b in "pqr" for c in "FM"] * repeats
    table = pd.DataFrame(cells, columns=["a", "b", "c"])
    rng = np.random.default_rng(5)
    return table.assign(x=np.arange(len(table)) % 5 + 1.0, y=rng.normal(size=len(table)), m=np.arange(len(table)) % 4)


def design_of(right, table=None):
    parsed = parse_formula(f"y ~ {right} + (1 | m)")
    frame = make_frame(parsed, make_table() if table is None else table)
    return build_design(parsed.fixed, frame.variables, frame.n_rows), parsed.fixed, frame


# the names are those of R's model.matrix
@pytest.mark.parametrize(
    ("right", "names"),
    [
        ("a", "(Intercept) av"),
        ("0 + a", "ak av"),
        ("0 + a + b", "ak av bq br"),
        ("0 + x + b", "x bp bq br"),
        ("a * b", "(Intercept) av bq br av:bq av:br"),
        ("a:b", "(Intercept) ak:bp av:bp ak:bq av:bq ak:br av:br"),
        ("a + a:b", "(Intercept) av ak:bq av:bq ak:br av:br"),
        ("a/b", "(Intercept) av ak:bq av:bq ak:br av:br"),
        ("a * x", "(Intercept) av x av:x"),
        ("a:x", "(Intercept) ak:x av:x"),
        ("x + x:a", "(Intercept) x x:av"),
        ("a * b * c", "(Intercept) av bq br cM av:bq av:br av:cM bq:cM br:cM av:bq:cM av:br:cM"),
        ("b * a - b", "(Intercept) av bq:ak br:ak bq:av br:av"),
    ],
)
def test_names(right, names):
    design = design_of(right)[0]
    assert " ".join(design.names) == names
    assert design.matrix.shape == (24, len(design.names))


def test_values_are_products_of_the_variables_columns():
    design, _, frame = design_of("a * b * x")
    table = make_table()
    column = design.matrix[:, design.names.index("av:br:x")]
    np.testing.assert_array_equal(column, (table["a"] == "v") * (table["b"] == "r") * table["x"])
    assert frame.n_rows == 24


def test_levels_follow_the_alphabet_or_the_categorical():
    table = make_table()
    assert design_of("b", table)[0].names == ("(Intercept)", "bq", "br")
    table["b"] = pd.Categorical(table["b"], categories=["r", "unused", "p", "q"])
    assert design_of("b", table)[0].names == ("(Intercept)", "bp", "bq")
    table["b"] = table["b"].map({"r": "Beta", "p": "alpha", "q": "gamma"}).astype(str)
    assert design_of("b", table)[0].names == ("(Intercept)", "bBeta", "bgamma")
    assert design_of("factor(x)", table)[0].names == ("(Intercept)", *(f"factor(x){i}" for i in (2, 3, 4, 5)))
    assert design_of("big", table.assign(big=table["x"] > 2))[0].names == ("(Intercept)", "bigTRUE")


def test_a_dependent_column_is_dropped_and_named():
    table = make_table().assign(z=lambda t: 3 * t["x"] - 1, w=lambda t: t["x"] * (1 + 1e-6 * t.index))
    design = drop_dependent_columns(design_of("x + z + a + w", table)[0])
    assert design.dropped == ("z",)
    assert design.names == ("(Intercept)", "x", "av", "w")
    assert np.linalg.matrix_rank(design.matrix) == 4
    empty = drop_dependent_columns(design_of("a * b", table[(table["a"] == "k") | (table["b"] != "r")])[0])
    assert empty.dropped == ("av:br",)


def rows_of(right, table=None):
    design, terms, frame = design_of(right, table)
    design = drop_dependent_columns(design)
    rows = build_type3_rows(design, terms, frame.variables)
    return dict(zip(design.term_names, rows, strict=True)), design.names


def test_type3_rows_average_equally_over_the_other_factors():
    rows, names = rows_of("a * b * c")
    main = dict(zip(names, rows["a"][0], strict=True))
    assert main["av"] == 1
    assert [main["av:bq"], main["av:br"]] == pytest.approx([1 / 3, 1 / 3])
    assert main["av:cM"] == pytest.approx(1 / 2)
    assert main["av:bq:cM"] == pytest.approx(1 / 6)
    assert sum(abs(v) for v in main.values()) == pytest.approx(1 + 2 / 3 + 1 / 2 + 2 / 6)
    np.testing.assert_allclose(rows["a:b:c"], np.eye(len(names))[-2:], atol=1e-12)


def test_type3_rows_leave_other_covariates_at_zero():
    rows, names = rows_of("a * x + b")
    assert names == ("(Intercept)", "av", "x", "bq", "br", "av:x")
    np.testing.assert_allclose(rows["a"], [[0, 1, 0, 0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(rows["x"], [[0, 0, 1, 0, 0, 0.5]], atol=1e-12)


def test_type3_rows_do_not_depend_on_how_many_rows_a_cell_has():
    table = make_table()
    lopsided = pd.concat([table, table[table["b"] == "q"], table[table["a"] == "v"]])
    for term, rows in rows_of("a * b * c", table)[0].items():
        np.testing.assert_allclose(rows, rows_of("a * b * c", lopsided)[0][term], atol=1e-10)


def test_a_term_whose_columns_were_dropped_has_no_test():
    table = make_table().assign(z=lambda t: 3 * t["x"] - 1)
    fit = fit_mixed(table, "y ~ x + z + (1 | m)")
    row = fit.anova().set_index("term").loc["z"]
    assert row["num_df"] == 0
    assert row[["den_df", "f", "p"]].isna().all()
    assert fit.notes[0] == "dropped, because other columns explain them: z"
