"""Against R: lme4, lmerTest and pbkrtest on simulated tables; `data/mixed_references.R` holds the calls."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from respine.inference import fit_mixed

DATA = Path(__file__).parent / "data"
REFERENCES = json.loads((DATA / "mixed_references.json").read_text(encoding="utf-8"))
# R stops its optimiser at 1e-10 of the parameters, which leaves 1e-6 of a standard error in the estimates
LOOSE, TIGHT = 1e-4, 1e-5


def read_table(name):
    return pd.read_csv(DATA / f"mixed_{name}.csv", keep_default_na=False, na_values=[""])


def name_fit(reference):
    return f"{reference['data']}: {reference['formula']} {'REML' if reference['reml'] else 'ML'}"


@pytest.fixture(scope="module")
def fits():
    return {}


@pytest.fixture(params=REFERENCES, ids=name_fit)
def pair(request, fits):
    reference = request.param
    key = name_fit(reference)
    if key not in fits:
        fits[key] = fit_mixed(read_table(reference["data"]), reference["formula"], reml=reference["reml"])
    return fits[key], reference


def assert_table(frame, columns, numbers):
    numbers = np.array(numbers, dtype=float).reshape(len(frame), len(columns))
    for column, expected in zip(columns, numbers.T, strict=True):
        np.testing.assert_allclose(frame[column].astype(float), expected, rtol=LOOSE, atol=1e-9, err_msg=column)


def test_fixed_effects(pair):
    fit, reference = pair
    assert fit.fixed.columns.tolist() == ["term", "estimate", "se", "df", "t", "p"]
    assert fit.fixed["term"].tolist() == reference["terms"]
    expected = np.array(reference["fixed"], dtype=float).reshape(-1, 5)
    assert np.abs((fit.fixed["estimate"] - expected[:, 0]) / expected[:, 1]).max() < TIGHT
    np.testing.assert_allclose(fit.fixed["t"], expected[:, 3], rtol=LOOSE, atol=TIGHT)
    assert_table(fit.fixed, ["se", "df", "p"], expected[:, [1, 2, 4]])


def test_type3_by_satterthwaite(pair):
    fit, reference = pair
    table = fit.anova()
    assert table.columns.tolist() == ["term", "num_df", "den_df", "f", "p"]
    assert table["term"].tolist() == reference["anova_terms"]
    assert_table(table, ["num_df", "den_df", "f", "p"], reference["anova"])


def test_kenward_roger(pair):
    fit, reference = pair
    if not reference["reml"]:
        pytest.skip("Kenward-Roger is defined for restricted likelihood")
    assert_table(fit.anova("kenward-roger"), ["num_df", "den_df", "f", "p"], reference["anova_kr"])
    fixed = np.array(reference["fixed_kr"], dtype=float).reshape(-1, 5)
    assert_table(fit.fixed_effects("kenward-roger"), ["se", "df", "p"], fixed[:, [1, 2, 4]])


def test_variances_and_likelihood(pair):
    fit, reference = pair
    keys = list(zip(reference["group"], reference["effect_1"], reference["effect_2"], strict=True))
    expected = dict(zip(keys, reference["covariance"], strict=True))
    found = {(v.group, v.term or None, None): v.variance for v in fit.variance.itertuples()}
    found |= {(c.group, c.term_1, c.term_2): c.covariance for c in fit.correlation.itertuples()}
    assert set(found) == set(expected)
    assert fit.variance["group"].tolist() == [group for group, _, two in keys if two is None]
    for key, value in expected.items():
        one, two = (expected.get((key[0], effect, None), value) for effect in (key[1], key[2] or key[1]))
        # a covariance counts beside its two variances, a variance beside the residual
        assert found[key] == pytest.approx(value, rel=LOOSE, abs=LOOSE * np.sqrt(abs(one * two)) + 1e-9), key
    assert fit.log_likelihood == pytest.approx(reference["log_likelihood"], rel=1e-8)
    assert fit.singular == reference["singular"]
    assert fit.n_rows == reference["n"]
    assert np.isnan(fit.reml_criterion) != reference["reml"]


def test_the_references_hold_what_they_should():
    assert sum(reference["singular"] for reference in REFERENCES) >= 5
    assert sum(not reference["reml"] for reference in REFERENCES) >= 5
    assert {reference["data"] for reference in REFERENCES} >= {"nested", "gaps", "empty_cell", "singular", "large"}
