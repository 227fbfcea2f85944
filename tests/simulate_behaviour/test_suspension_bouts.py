"""The semi-Markov process of struggling."""

import numpy as np
import pytest

from respine.core.errors import InputError, SettingsError
from respine.simulate.behaviour.bouts import Bouts, BoutSettings, mean_immobile_s, simulate_bouts


@pytest.mark.parametrize("fraction", [0.05, 0.39, 0.8])
def test_an_exact_suspension_has_its_immobile_fraction(fraction):
    for seed in range(20):
        bouts = simulate_bouts(fraction, 360, BoutSettings(), np.random.default_rng(seed))
        assert bouts.immobile_s == pytest.approx(360 * fraction)
        assert bouts.start_s[0] == 0
        assert bouts.stop_s[-1] <= 360


def test_a_very_short_suspension_is_exact_too():
    bouts = simulate_bouts(0.5, 0.5, BoutSettings(), np.random.default_rng(0))
    assert bouts.immobile_s == pytest.approx(0.25)


@pytest.mark.parametrize("fraction", [0.3, 0.6])
def test_a_free_run_has_its_fraction_in_the_long_run(fraction):
    settings = BoutSettings()
    bouts = simulate_bouts(fraction, 400_000, settings, np.random.default_rng(1), exact=False)
    assert bouts.immobile_s / 400_000 == pytest.approx(fraction, abs=0.01)
    struggle, immobile = bouts.stop_s - bouts.start_s, bouts.start_s[1:] - bouts.stop_s[:-1]
    assert np.median(struggle) == pytest.approx(3.0, rel=0.03)
    assert np.log(struggle).std() == pytest.approx(1.1, rel=0.03)
    assert np.log(immobile).std() == pytest.approx(0.8, rel=0.03)
    assert immobile.mean() == pytest.approx(mean_immobile_s(fraction, settings), rel=0.03)


def test_transitions_come_at_the_rate_of_the_renewal_process():
    settings = BoutSettings()
    bouts = simulate_bouts(0.4, 400_000, settings, np.random.default_rng(2), exact=False)
    cycle = 3 * np.exp(1.1**2 / 2) + mean_immobile_s(0.4, settings)
    assert len(bouts.start_s) == pytest.approx(400_000 / cycle, rel=0.03)


def test_climbs_take_the_set_share_of_long_bouts():
    settings = BoutSettings(climb_probability=0.3, climb_min_s=2.0, climb_share=0.5)
    bouts = simulate_bouts(0.4, 100_000, settings, np.random.default_rng(3))
    length = bouts.stop_s - bouts.start_s
    assert not bouts.climbing[length < 2].any()
    assert bouts.climbing[length >= 2].mean() == pytest.approx(0.3, abs=0.02)
    start, stop = bouts.climbs_s
    np.testing.assert_allclose(stop - start, 0.5 * length[bouts.climbing])
    np.testing.assert_allclose(start + stop, (bouts.start_s + bouts.stop_s)[bouts.climbing])


def test_states_at_a_time():
    bouts = Bouts(np.array([0.0, 10.0]), np.array([4.0, 16.0]), np.array([False, True]), 20.0, climb_share=0.5)
    times = np.array([0.0, 3.9, 4.0, 9.9, 10.0, 11.6, 14.4, 14.6, 19.0])
    assert bouts.is_struggling(times).tolist() == [True, True, False, False, True, True, True, True, False]
    assert bouts.is_climbing(times).tolist() == [False] * 5 + [True, True, False, False]


def test_the_first_part_of_a_suspension():
    bouts = Bouts(np.array([0.0, 10.0, 18.0]), np.array([4.0, 16.0, 19.0]), np.array([True, True, False]), 20.0)
    part = bouts.until(12.0)
    assert (part.start_s.tolist(), part.stop_s.tolist()) == ([0, 10], [4, 12])
    assert part.climbing.tolist() == [True, False]
    assert part.duration_s == 12
    assert bouts.until(20.0).immobile_s == bouts.immobile_s


@pytest.mark.parametrize(
    ("fraction", "duration", "message"),
    [
        (0.0, 360, "bouts: immobile_fraction must be above 0 and below 1; found 0"),
        (1.2, 360, "bouts: immobile_fraction must be above 0 and below 1; found 1.2"),
        (0.4, 0, "bouts: duration_s must be above 0; found 0"),
    ],
)
def test_impossible_suspensions_are_refused(fraction, duration, message):
    with pytest.raises(InputError) as error:
        simulate_bouts(fraction, duration, BoutSettings(), np.random.default_rng(0))
    assert str(error.value) == message


def test_bouts_that_overlap_are_refused():
    with pytest.raises(InputError) as error:
        Bouts(np.array([0.0, 3.0]), np.array([4.0, 6.0]), np.zeros(2, bool), 10.0)
    assert str(error.value) == "bouts: must be in order, apart, and inside 0 to 10 s"


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(SettingsError) as error:
        BoutSettings(struggle_median_s=-1, climb_probability=2)
    assert str(error.value) == (
        "struggle_median_s: found -1, expected greater than 0; climb_probability: found 2, expected less than or "
        "equal to 1"
    )


def test_the_same_seed_gives_the_same_bouts():
    first, same, other = (simulate_bouts(0.4, 360, BoutSettings(), np.random.default_rng(s)) for s in (1, 1, 2))
    assert (first.start_s == same.start_s).all()
    assert len(first.start_s) != len(other.start_s) or (first.stop_s != other.stop_s).any()
