"""Photostimulation logs: planned, delivered, and what truly arrived."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, SettingsError
from respine.simulate.probe.light import LightSettings, simulate_light_on_spines
from respine.simulate.probe.write import write_probe
from respine.simulate.recording import Visit


def targets(count=400):
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 100, (count, 3))
    return pd.DataFrame(
        {
            "spine": [f"s{n:04d}" for n in range(count)],
            "z_um": place[:, 0],
            "y_um": place[:, 1],
            "x_um": place[:, 2],
            "labelled": rng.random(count) < 0.6,
        }
    )


def columns(table, name):
    return table[[f"{name}_z_um", f"{name}_y_um", f"{name}_x_um"]].to_numpy()


def test_every_target_is_planned_on_its_spine():
    log, truth = simulate_light_on_spines(targets(), 30.0, LightSettings(), np.random.default_rng(1))
    planned = targets().set_index("spine").loc[truth["spine"]]
    np.testing.assert_allclose(columns(log, "planned"), planned[["z_um", "y_um", "x_um"]], atol=0.001)
    assert (truth["labelled"].to_numpy() == planned["labelled"].to_numpy()).all()
    assert sorted(truth["spine"]) == targets()["spine"].tolist()
    assert truth["spine"].tolist() != targets()["spine"].tolist()
    assert "spine" not in log.columns


def test_errors_of_the_light_have_their_amplitudes():
    settings = LightSettings(aim_sd_um=0.25, aim_axial_sd_um=0.8, offset_sd_um=0.4, missed_probability=0)
    log, truth = simulate_light_on_spines(targets(4000), 30.0, settings, np.random.default_rng(2))
    error = columns(truth, "light") - columns(log, "planned")
    np.testing.assert_allclose(error.std(axis=0), [0.8, 0.25, 0.25], rtol=0.05)
    assert error[:, 0].mean() == pytest.approx(0, abs=0.05)
    readback = columns(log, "delivered") - columns(truth, "light")
    np.testing.assert_allclose(readback.std(axis=0), 0.03, rtol=0.05)
    np.testing.assert_allclose(truth["distance_um"], np.linalg.norm(error, axis=1), atol=0.002)


def test_targets_of_a_session_share_an_offset():
    settings = LightSettings(aim_sd_um=0.0, offset_sd_um=0.4)
    shifts = []
    for seed in range(200):
        log, truth = simulate_light_on_spines(targets(2), 30.0, settings, np.random.default_rng(seed))
        error = (columns(truth, "light") - columns(log, "planned"))[:, 1:]
        np.testing.assert_allclose(error[0], error[1], atol=0.002)
        shifts.append(error[0])
    np.testing.assert_allclose(np.std(shifts, axis=0), 0.4, rtol=0.2)


def test_the_dose_is_a_gaussian_of_the_distance():
    settings = LightSettings(power_log_sd=0.0, missed_probability=0.0)
    log, truth = simulate_light_on_spines(targets(), 30.0, settings, np.random.default_rng(3))
    error = columns(truth, "light") - columns(log, "planned")
    expected = np.exp(-(error[:, 1:] ** 2).sum(axis=1) / (2 * 0.25) - error[:, 0] ** 2 / (2 * 4))
    np.testing.assert_allclose(truth["dose"], expected, atol=0.002)


def test_missed_targets_say_so_and_get_no_light():
    settings = LightSettings(missed_probability=0.2)
    log, truth = simulate_light_on_spines(targets(4000), 30.0, settings, np.random.default_rng(4))
    missed = ~truth["lit"]
    assert missed.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 4000))
    assert log.loc[missed, "delivered_x_um"].isna().all()
    assert (log.loc[missed, "reason"] == "target not lit").all()
    assert log.loc[~missed, "reason"].isna().all()
    assert (truth.loc[missed, "dose"] == 0).all()
    assert (log.loc[missed, "delivered_power_mw"] == 0).all()


def test_targets_are_lit_one_after_the_other():
    settings = LightSettings(pulses=30, pulse_rate_hz=2.0, pause_s=5.0)
    log, _ = simulate_light_on_spines(targets(3), 30.0, settings, np.random.default_rng(5))
    assert log["start_s"].tolist() == [0, 20, 40]
    np.testing.assert_allclose(log["hours_after_drug"], 30 + np.array([0, 20, 40]) / 3600)
    assert log["target"].tolist() == ["T001", "T002", "T003"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["labelled"]), "photostimulation: the table of targets lacks the columns labelled"),
        (
            lambda t: t.assign(spine=["a", "b", "a"]),
            "photostimulation: spines planned twice: a",
        ),
        (
            lambda t: t.assign(y_um=[1.0, np.nan, 2.0]),
            "photostimulation: targets without a position: s0001",
        ),
    ],
)
def test_impossible_targets_are_refused(change, message):
    with pytest.raises(InputError) as error:
        simulate_light_on_spines(change(targets(3)), 30.0, LightSettings(), np.random.default_rng(0))
    assert str(error.value) == message


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(SettingsError) as error:
        LightSettings(pulse_ms=600, pulse_rate_hz=2)
    assert str(error.value) == (
        "pulse_ms: found 600, expected at most 500, the time from pulse to pulse at pulse_rate_hz 2"
    )


def test_a_log_is_written_beside_its_truth(tmp_path):
    made = write_probe(Visit("m1", "30h", "f1"), targets(5), 30.0, tmp_path, LightSettings(), np.random.default_rng(0))
    assert made.rows == ()
    log = pd.read_csv(tmp_path / "photostimulation" / "m1_30h_f1.csv")
    assert len(log) == 5
    assert made.tables["light"].columns[:5].tolist() == ["subject", "session", "fov", "target", "spine"]
    write_probe(Visit("m2", "30h", "f1"), targets(5), 30.0, tmp_path, LightSettings(), np.random.default_rng(0))
    paths = [tmp_path / "photostimulation" / f"{subject}_30h_f1.csv" for subject in ("m1", "m2")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_no_targets_are_an_empty_log():
    log, truth = simulate_light_on_spines(targets(0), 30.0, LightSettings(), np.random.default_rng(0))
    assert (len(log), len(truth)) == (0, 0)
