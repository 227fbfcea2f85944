"""The published models of Jefferson 2023, against R and against the tables that the authors printed."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from respine.inference import fit_mixed

NAMES = [
    f"jefferson2023_{figure}_{model}"
    for figure in ("fig3D_density", "fig3E_diameter", "fig4B_formation", "fig4C_elimination")
    for model in ("published", "sex_nested3")
]


def load(shared, name):
    folder = shared / "data" / "published"
    reference = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    table = pd.read_csv(folder / reference["data_csv"])
    for column, levels in reference["factor_levels"].items():
        table[column] = pd.Categorical(table[column].astype(str), categories=levels)
    return table, reference


@pytest.fixture(params=NAMES)
def pair(request, shared):
    table, reference = load(shared, request.param)
    return fit_mixed(table, reference["formula"], reml=reference["reml"]), reference


def assert_close(frame, rows, columns):
    for column, name in columns.items():
        np.testing.assert_allclose(frame[column], [row[name] for row in rows], rtol=2e-5, atol=1e-12, err_msg=column)


def test_every_number_of_the_reference(pair):
    fit, reference = pair
    assert fit.fixed["term"].tolist() == [row["term"] for row in reference["fixed_effects"]]
    fixed = {"estimate": "estimate", "se": "se", "df": "df_satterthwaite", "t": "t", "p": "p"}
    assert_close(fit.fixed, reference["fixed_effects"], fixed)
    anova = {"num_df": "num_df", "den_df": "den_df", "f": "F", "p": "p"}
    assert_close(fit.anova(), reference["anova_type3_satterthwaite"], anova)
    assert_close(fit.anova("kenward-roger"), reference["anova_type3_kenward_roger"], anova)
    kenward_roger = {"se": "se", "df": "df", "p": "p"}
    assert_close(fit.fixed_effects("kenward-roger"), reference["fixed_effects_kenward_roger"], kenward_roger)
    assert_close(fit.variance, reference["variance_components"], {"variance": "variance"})
    assert fit.variance["group"].tolist() == [row["group"] for row in reference["variance_components"]]
    assert fit.reml_criterion == pytest.approx(reference["reml_criterion"], rel=1e-9)
    assert fit.singular == reference["singular_tol_1e4"]
    assert fit.n_levels == reference["n_groups"]
    assert fit.n_rows == reference["n_obs"]
    np.testing.assert_allclose(fit.covariance, reference["vcov_fixed"], rtol=1e-5)


def test_marginal_means_and_their_differences(pair):
    fit, reference = pair
    means = fit.marginal_means("time", "condition")
    expected = reference["emmeans"]["means"]
    assert means["condition"].tolist() == [row["condition"] for row in expected]
    columns = {"estimate": "emmean", "se": "SE", "df": "df", "low": "lower.CL", "high": "upper.CL"}
    assert_close(means, expected, columns)
    differences = fit.contrasts("condition", by="time")
    assert differences["contrast"].unique().tolist() == ["Vehicle - 5-MeO-DMT"]
    columns = {"estimate": "estimate", "se": "SE", "df": "df", "t": "t.ratio", "p": "p.value"}
    assert_close(differences, reference["emmeans"]["contrasts"], columns)
    assert (differences["p_simultaneous"] >= differences["p"]).all()
    bonferroni = [row["p_bonferroni_all"] for row in reference["emmeans"]["contrasts"]]
    assert (differences["p_simultaneous"] <= np.array(bonferroni) + 1e-12).all()


@pytest.mark.parametrize("figure", ["fig3D_density", "fig3E_diameter", "fig4B_formation", "fig4C_elimination"])
def test_the_tables_as_printed(shared, figure):
    table, reference = load(shared, f"jefferson2023_{figure}_published")
    anova = fit_mixed(table, reference["formula"]).anova()
    path = shared / "data" / "published" / "jefferson2023_published_tables.json"
    printed = json.loads(path.read_text(encoding="utf-8"), parse_float=str)["tables"][figure]
    for row, expected in zip(anova.itertuples(), printed, strict=True):
        assert row.term == expected["term"]
        assert row.num_df == expected["num_df"]
        for found, text in ((row.den_df, expected["den_df"]), (row.f, expected["F"]), (row.p, expected["p"])):
            # the authors' optimiser stopped a little early, so that the last digit may differ by one
            unit = Decimal(text).as_tuple().exponent
            assert found == pytest.approx(float(text), abs=1.01 * 10.0**unit), (row.term, text)


def test_formation_after_a_psychedelic(shared):
    table, reference = load(shared, "jefferson2023_fig4B_formation_published")
    fit = fit_mixed(table, reference["formula"])
    assert fit.singular
    condition = fit.anova().iloc[0]
    assert (condition["term"], condition["num_df"]) == ("condition", 1)
    assert condition["den_df"] == pytest.approx(8.658, rel=1e-4)
    assert condition["f"] == pytest.approx(5.8993, rel=1e-4)
    assert condition["p"] == pytest.approx(0.03907, rel=2e-4)
    assert fit.anova("kenward-roger")["p"][0] == pytest.approx(0.0472, abs=5e-5)
    assert fit.notes == ("singular fit: no variance is left for dendrite_id:mouse beyond the other terms",)
