import numpy as np
import pytest

from monte_carlo import assert_mean, assert_share
from respine.simulate.cells import private_rate_hz
from respine.simulate.settings import Arm
from respine.simulate.study import simulate_study


def test_event_rates_are_log_normal_with_the_given_mean(study):
    rate = study.cells.rate_hz
    assert_mean(rate.ravel(), 0.05)
    assert np.log(rate).std() == pytest.approx(0.9, rel=0.02)


def test_ensembles_have_their_sizes_and_overlap_by_chance(study):
    member = study.cells.member
    size = member.sum(axis=2)
    assert (size.min(), size.max()) == (8, 25)
    assert_mean(size.ravel(), 16.5)
    shared = (member[:, 0] & member[:, 1]).sum(axis=1) / size[:, 0]
    assert_mean(shared, 16.5 / 80)


def test_cells_are_found_with_their_probability(study):
    assert_share(study.cells.found.sum(), study.cells.found.size, 0.70)


def test_activations_follow_coordination(study):
    expected = 0.4 / 60 * study.coordination.value
    assert study.cells.activation_rate_hz == pytest.approx(expected)
    excess = study.cells.activations - 600.0 * expected[..., None]
    assert_mean(excess.ravel(), 0.0)
    assert (excess.var() / (600.0 * expected).mean()) == pytest.approx(1.0, rel=0.03)


def test_event_counts_follow_the_rates(study):
    expected = study.cells.rate_hz.sum(axis=1)[:, None] * study.cells.rate_factor * 600.0
    standard = (study.cells.events - expected) / np.sqrt(expected)
    assert_mean(standard.ravel(), 0.0)
    assert standard.std() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize(("multiplier", "expected"), [(0.9, 0.9), (1.0, 1.0)])
def test_stress_lowers_event_rates_unless_cut(even, multiplier, expected):
    arms = tuple(Arm(stress=s, treatment="vehicle") for s in ("control", "stress"))
    study = simulate_study(even.changed(arms=arms, stress={"event_rate_multiplier": multiplier}), 61)
    stressed = study.animals.stressed
    assert (study.cells.rate_factor[~stressed] == 1.0).all()
    assert study.cells.rate_factor[stressed, 2] == pytest.approx(expected)
    assert (study.cells.rate_factor[:, 0] == 1.0).all()


def test_private_rates_make_up_for_coordination(study):
    """The expected rate of a cell is the same whatever its ensembles do."""
    for subject, session in ((0, 0), (400, 2)):
        private = private_rate_hz(study.cells, subject, session, 0.6)
        together = 0.6 * study.cells.activation_rate_hz[subject, session] * study.cells.member[subject].sum(axis=0)
        wanted = study.cells.rate_hz[subject] * study.cells.rate_factor[subject, session]
        quiet = together > wanted
        assert (private + together)[~quiet] == pytest.approx(wanted[~quiet])
        assert (private[quiet] == 0).all()
        assert quiet.mean() < 0.3
