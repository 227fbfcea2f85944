"""Marginal means and contrasts: weights known by hand, and the tests that they must equal."""

import numpy as np
import pandas as pd
import pytest

from respine.inference import fit_mixed


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(21)
    rows = [
        {"mouse": m, "arm": "vks"[m % 3], "time": f"t{t}", "sex": "FM"[m // 3 % 2], "x": rng.normal()}
        for m in range(12)
        for _ in range(3)
        for t in range(3)
        if rng.random() < 0.85
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(y=rng.normal(size=12)[frame["mouse"]] + rng.normal(size=len(frame)) + 0.2 * frame["x"])


@pytest.fixture(scope="module")
def fit(table):
    return fit_mixed(table, "y ~ arm * time + sex + x + (1 | mouse)")


def test_a_mean_averages_other_factors_equally_and_sets_covariates_to_their_mean(fit, table):
    b = dict(zip(fit.fixed["term"], fit.fixed["estimate"], strict=True))
    means = fit.marginal_means("arm", "time")
    assert means.columns.tolist() == [
        "arm", "time", "estimate", "se", "df", "low", "high", "low_simultaneous", "high_simultaneous",
    ]  # fmt: skip
    assert means[["arm", "time"]].agg(" ".join, axis=1).tolist() == [f"{a} t{t}" for a in "ksv" for t in range(3)]
    common = b["(Intercept)"] + b["sexM"] / 2 + b["x"] * table["x"].mean()
    assert means["estimate"][0] == pytest.approx(common)
    assert means["estimate"][8] == pytest.approx(common + b["armv"] + b["timet2"] + b["armv:timet2"])
    overall = fit.marginal_means()
    assert overall["estimate"].tolist() == pytest.approx([means["estimate"].mean()])
    assert overall["low_simultaneous"].tolist() == overall["low"].tolist()


def test_contrasts_are_differences_of_means(fit):
    means = fit.marginal_means("time", "arm").set_index(["time", "arm"])["estimate"]
    contrasts = fit.contrasts("arm", by="time")
    assert contrasts.columns.tolist() == [
        "time", "contrast", "estimate", "se", "df", "t", "p", "low", "high",
        "p_simultaneous", "low_simultaneous", "high_simultaneous",
    ]  # fmt: skip
    assert contrasts["contrast"].tolist() == ["k - s", "k - v", "s - v"] * 3
    for row in contrasts.itertuples():
        first, second = row.contrast.split(" - ")
        assert row.estimate == pytest.approx(means[row.time, first] - means[row.time, second])
    against = fit.contrasts("arm", by=("time", "sex"), against="v")
    assert against["contrast"].tolist() == ["k - v", "s - v"] * 6
    assert against["estimate"][0] == pytest.approx(contrasts["estimate"][1])


def test_contrasts_that_are_coefficients_have_their_tests(fit):
    for ddf in ("satterthwaite", "kenward-roger"):
        coefficients = fit.fixed_effects(ddf).set_index("term")
        row = fit.contrasts("arm", by="time", against="k", ddf=ddf).iloc[1]
        assert row["contrast"] == "v - k"
        columns = ["estimate", "se", "df", "t", "p"]
        np.testing.assert_allclose(row[columns].astype(float), coefficients.loc["armv", columns].astype(float))
        named = fit.combinations({"vehicle": {"armv": 1.0}}, ddf=ddf).iloc[0]
        np.testing.assert_allclose(named[columns].astype(float), row[columns].astype(float))


def test_simultaneous_intervals_are_wider_and_agree_with_their_p(fit):
    table = fit.contrasts("arm", by="time", level=0.9)
    half = (table["high"] - table["low"]) / 2
    wide = (table["high_simultaneous"] - table["low_simultaneous"]) / 2
    assert (wide > 1.2 * half).all()
    covers = (table["low_simultaneous"] < 0) & (table["high_simultaneous"] > 0)
    assert (covers == (table["p_simultaneous"] > 0.1)).all()


def test_a_difference_of_differences(fit):
    named = fit.combinations({"late": {"armv:timet2": 1.0}, "late - middle": {"armv:timet2": 1, "armv:timet1": -1}})
    b = dict(zip(fit.fixed["term"], fit.fixed["estimate"], strict=True))
    assert named["contrast"].tolist() == ["late", "late - middle"]
    assert named["estimate"].tolist() == pytest.approx([b["armv:timet2"], b["armv:timet2"] - b["armv:timet1"]])


def test_simultaneous_intervals_hold_together_as_often_as_they_say():
    rng = np.random.default_rng(3)
    held = []
    frame = pd.DataFrame([(m, "abc"[t]) for m in range(9) for t in range(3)], columns=["mouse", "time"])
    for _ in range(150):
        drawn = frame.assign(y=rng.normal(size=27) + rng.normal(size=9)[frame["mouse"]])
        table = fit_mixed(drawn, "y ~ time + (1 | mouse)").contrasts("time", level=0.8)
        held.append(((table["low_simultaneous"] < 0) & (table["high_simultaneous"] > 0)).all())
    # 150 studies: 0.8 +- 3 x 0.033
    assert 0.70 <= np.mean(held) <= 0.90


def test_a_fit_says_what_it_is(fit, table):
    assert repr(fit) == f"<MixedFit y ~ arm * time + sex + x + (1 | mouse), REML, {len(table)} rows, mouse 12>"
