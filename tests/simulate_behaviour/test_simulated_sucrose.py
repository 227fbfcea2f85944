"""Sucrose bottles: weights that add up, and the truth behind them."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, SettingsError
from respine.simulate.behaviour.sucrose import SucroseSettings, simulate_sucrose
from respine.simulate.behaviour.write import write_sucrose
from respine.simulate.recording import Visit
from respine.study.rows import RecordingRow

CLEAN = SucroseSettings(
    intake_log_sd=0, leak_g=0, evaporation_g_per_h=0, failure_probability=0, scale_sd_g=0, side_bias_sd=0.2
)


def lost(test):
    return test.weights["weight_before_g"] - test.weights["weight_after_g"]


@pytest.mark.parametrize("preference", [0.0, 0.3, 0.68, 0.82, 1.0])
def test_the_preference_survives_side_bias_when_sides_are_swapped(preference):
    for seed in range(10):
        test = simulate_sucrose(preference, CLEAN, np.random.default_rng(seed))
        home = test.weights[test.weights["cage"] == "home"]
        grams = lost(test)[home.index].groupby(home["content"]).sum()
        assert grams["sucrose"] / grams.sum() == pytest.approx(preference, abs=0.01)
        assert grams.sum() == pytest.approx(0.21 * 24, abs=0.05)


def test_one_side_alone_is_biased():
    test = simulate_sucrose(0.7, CLEAN, np.random.default_rng(3))
    home = test.weights[test.weights["cage"] == "home"]
    share = {}
    for period, part in home.groupby("period"):
        grams = lost(test)[part.index]
        side = part.loc[part["content"] == "sucrose", "side"].item()
        share[side] = grams[part["content"] == "sucrose"].sum() / grams.sum()
        assert period in (1, 2)
    assert abs(test.side_bias) > 0.05
    assert share["left"] - share["right"] == pytest.approx(2 * test.side_bias, abs=0.02)


def test_each_content_is_on_each_side_once():
    test = simulate_sucrose(0.7, SucroseSettings(), np.random.default_rng(0))
    home = test.weights[test.weights["cage"] == "home"]
    assert home.groupby(["content", "side"]).size().tolist() == [1, 1, 1, 1]
    assert home.groupby(["period", "side"]).size().tolist() == [1, 1, 1, 1]


def test_weights_lose_what_is_drunk_leaked_and_evaporated():
    settings = SucroseSettings(scale_sd_g=0.0)
    test = simulate_sucrose(0.8, settings, np.random.default_rng(1))
    gone = test.truth[["drunk_g", "leak_g", "evaporation_g"]].sum(axis=1)
    np.testing.assert_allclose(lost(test), gone, atol=0.011)
    assert (test.truth["evaporation_g"] == 0.006 * 12).all()
    empty = test.weights["cage"] != "home"
    assert not test.truth.loc[empty, "drunk_g"].any()
    assert lost(test)[empty].min() > 0


def test_leak_failures_and_weighing_errors_have_their_means():
    settings = SucroseSettings(leak_g=0.15, failure_probability=0.1, failure_g=4.0, scale_sd_g=0.5, empty_cages=40)
    tests = [simulate_sucrose(0.8, settings, np.random.default_rng(seed)) for seed in range(40)]
    truth = pd.concat([test.truth for test in tests])
    count = len(truth)
    assert truth["failed"].mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / count))
    fine = truth.loc[~truth["failed"], "leak_g"]
    assert fine.mean() == pytest.approx(0.15, abs=4 * 0.15 / np.sqrt(len(fine)))
    assert truth.loc[truth["failed"], "leak_g"].mean() == pytest.approx(4.15, rel=0.2)
    gone = truth[["drunk_g", "leak_g", "evaporation_g"]].sum(axis=1)
    error = pd.concat([lost(test) for test in tests]) - gone
    assert error.std() == pytest.approx(0.5 * np.sqrt(2), rel=0.05)


def test_a_bias_never_makes_a_share_impossible():
    wild = CLEAN.changed(side_bias_sd=0.5)
    for seed in range(30):
        test = simulate_sucrose(0.95, wild, np.random.default_rng(seed))
        assert (test.truth["drunk_g"] >= 0).all()
        assert abs(test.side_bias) <= 0.05 + 1e-12


def test_impossible_preferences_and_settings_are_refused():
    with pytest.raises(InputError) as error:
        simulate_sucrose(82, SucroseSettings(), np.random.default_rng(0))
    assert str(error.value) == "sucrose: preference must lie between 0 and 1; found 82"
    with pytest.raises(SettingsError) as error:
        SucroseSettings(leak_g=-1)
    assert str(error.value) == "leak_g: found -1, expected greater than or equal to 0"


def test_a_recording_comes_with_its_row_and_truth(tmp_path):
    made = write_sucrose(Visit("m1", "24h"), 0.8, tmp_path, SucroseSettings(), np.random.default_rng(0))
    (row,) = made.rows
    RecordingRow.model_validate({k: v for k, v in row.items() if v != ""})
    assert (row["kind"], row["path"]) == ("sucrose_preference", "sucrose_preference/m1_24h.csv")
    table = pd.read_csv(tmp_path / row["path"])
    assert table.columns.tolist() == [
        "cage",
        "period",
        "start_h",
        "duration_h",
        "side",
        "content",
        "weight_before_g",
        "weight_after_g",
    ]
    assert len(table) == 8
    summary = made.tables["sucrose"].iloc[0]
    assert summary["subject"] == "m1"
    assert 0.7 < summary["sucrose_g"] / (summary["sucrose_g"] + summary["water_g"]) < 0.9
    again = write_sucrose(Visit("m2", "24h"), 0.8, tmp_path, SucroseSettings(), np.random.default_rng(0))
    assert (tmp_path / again.rows[0]["path"]).read_bytes() == (tmp_path / row["path"]).read_bytes()
