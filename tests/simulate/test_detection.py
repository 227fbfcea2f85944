import numpy as np
import pytest
from scipy.special import expit

from monte_carlo import assert_mean, assert_share
from respine.simulate.detection import draw_false_calls, hit_intercept, hit_log_odds
from respine.simulate.settings_structure import DetectionSettings
from respine.simulate.sizes import log_diameter_moments
from respine.simulate.study import simulate_study


def showable(study):
    return study.present & ~study.spines.axial & study.attended.T[:, study.spines.subject]


@pytest.fixture(scope="module")
def mature(even):
    """Return a study in which new spines are as large as old ones."""
    return simulate_study(even.changed(size={"new_ratio": 1.0}), 31)


def test_mean_hit_rate_is_the_parameter(mature):
    can = showable(mature)
    sessions = [
        mature.seen[t, can[t] & (mature.spines.subject == m)].mean()
        for m in range(len(mature.animals.arm))
        for t in range(len(can))
    ]
    assert_mean(sessions, 0.965)


def test_what_no_image_shows_is_never_seen(study):
    assert not study.seen[:, study.spines.axial].any()
    assert not (study.seen & ~study.present).any()


def test_uniform_hits_are_exact(even):
    study = simulate_study(even.changed(detection={"hit_size_slope": 0.0, "hit_brightness_slope": 0.0}), 32)
    can = showable(study)
    assert_share(study.seen.sum(), can.sum(), 0.965)


def test_small_spines_are_missed_more(mature):
    centre, spread = log_diameter_moments(mature.settings.size)
    z = (mature.log_diameter - centre) / spread
    can = showable(mature)
    intercept = hit_intercept(mature.settings.detection)
    light = mature.log_brightness.T[:, mature.spines.subject]
    for low, high in ((-2.5, -1.5), (-0.5, 0.5), (1.5, 2.5)):
        inside = can & (z >= low) & (z < high)
        expected = expit(intercept + 0.8 * z[inside] + 2.0 * light[inside]).mean()
        assert mature.seen[inside].mean() == pytest.approx(expected, abs=0.004)
    small, large = (mature.seen[can & side].mean() for side in (z < -1.5, z > 1.5))
    assert small < 0.91
    assert large > 0.98


def test_dim_sessions_are_missed_more(mature):
    can = showable(mature)
    light = mature.log_brightness.T[:, mature.spines.subject]
    dim, bright = (mature.seen[can & side].mean() for side in (light < -0.35, light > 0.35))
    assert dim < 0.94 < 0.98 < bright


def test_brightness_has_its_spread(study):
    assert study.log_brightness.std() == pytest.approx(0.35, rel=0.05)
    assert_mean(study.log_brightness.ravel(), 0.0)


def test_a_named_session_is_dim(even):
    study = simulate_study(even.changed(detection={"dim_session": "stressed"}), 33)
    assert_mean(study.log_brightness[:, 2], np.log(0.4))
    assert_mean(study.log_brightness[:, 3], 0.0)
    can = showable(study)
    assert study.seen[2][can[2]].mean() < study.seen[1][can[1]].mean() - 0.05


def test_false_calls_are_the_share_of_the_spines(even_study):
    can = showable(even_study)
    for session in range(len(can)):
        count = (even_study.false_calls.session == session).sum()
        expected = 0.02 * can[session].sum()
        assert abs(count - expected) < 4 * np.sqrt(expected)
    assert_mean(even_study.false_calls.position_um, 30.0)


def test_false_calls_need_spines_and_a_rate():
    rng = np.random.default_rng(1)
    assert len(draw_false_calls(np.zeros((4, 3), int), 60.0, 0.02, rng).dendrite) == 0
    assert len(draw_false_calls(np.full((4, 3), 50), 60.0, 0.0, rng).dendrite) == 0
    calls = draw_false_calls(np.array([[0, 4_000], [0, 0]]), 60.0, 0.5, rng)
    assert set(calls.dendrite) == {0}
    assert set(calls.session) == {1}


@pytest.mark.parametrize("mean", [0.2, 0.6, 0.965, 0.999])
def test_intercept_gives_the_mean_over_sizes_and_brightness(mean):
    how = DetectionSettings(hit_mean=mean)
    rng = np.random.default_rng(5)
    odds = hit_log_odds(rng.standard_normal(400_000), 0.35 * rng.standard_normal(400_000), how)
    assert_mean(expit(odds), mean)


def test_perfect_detection_misses_nothing(even):
    study = simulate_study(even.changed(subjects_per_arm=2, detection={"hit_mean": 1.0}), 34)
    assert (study.seen == showable(study)).all()


def test_measured_diameters_carry_the_error(even):
    study = simulate_study(even.changed(subjects_per_arm=3), 35)
    states = study.table("states")
    seen = states["seen"]
    error = np.log(states["measured_diameter_um"] / states["head_diameter_um"])
    assert error[seen].std() == pytest.approx(0.15, rel=0.03)
    assert error[~seen].isna().all()
