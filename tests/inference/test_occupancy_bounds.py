"""Where misses cannot be told from losses, bounds and the reason are the result."""

import numpy as np
import pytest

from respine.inference.occupancy import OccupancyBounds, OccupancySettings, fit_occupancy, read_histories
from scored_sites import World, simulate


def bounded(world, seed=1, settings=None):
    spines, sessions, formed, lost = simulate(world, np.random.default_rng(seed))
    return fit_occupancy(read_histories(spines, sessions), settings), formed, lost


def test_two_sessions_scored_once_give_bounds_that_hold_the_truth():
    found, formed, lost = bounded(World(days=(0, 2), hit=(0.95, 0.85)))
    assert isinstance(found, OccupancyBounds)
    assert not found.identified
    assert found.reason == (
        "the correction is not identified: found 2 sessions and one scoring of each; expected 3 sessions, or a second "
        "scoring; bounds hold for hit probabilities from 0.8 to 1 and false calls up to 0.05"
    )
    row = found.turnover.iloc[0]
    assert np.isnan(row.formation)
    assert np.isnan(row.elimination)
    assert row.formation_low <= formed[0] <= row.formation_high
    assert row.elimination_low <= lost[0] <= row.elimination_high
    assert row.reason == found.reason
    assert (found.n_subjects, row.interval_h) == (8, 48.0)


def test_large_turnover_is_bounded_away_from_none():
    found, formed, lost = bounded(World(days=(0, 20), elimination=0.08, formation=0.08, hit=0.95), seed=2)
    row = found.turnover.iloc[0]
    assert 0.2 < row.elimination_low < lost[0] < row.elimination_high
    assert 0.05 < row.formation_low < formed[0] < row.formation_high


def test_perfect_scoring_leaves_sampling_error_only():
    settings = OccupancySettings(hit_low=1.0, false_high=0.0)
    found, formed, lost = bounded(World(days=(0, 2), hit=1 - 1e-12, false_calls=0.0, n_spines=2000), 3, settings)
    row = found.turnover.iloc[0]
    assert row.elimination_high - row.elimination_low < 0.01
    assert row.elimination_low < lost[0] < row.elimination_high
    assert row.formation_low < formed[0] < row.formation_high


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_lost_and_all_lost(share):
    spines, sessions, _, _ = simulate(World(n_subjects=1, days=(0, 2), n_spines=5), np.random.default_rng(4))
    spines = spines.assign(visible=(spines.session == "t0") | (share == 0.0))
    row = fit_occupancy(read_histories(spines, sessions)).turnover.iloc[0]
    assert (row.elimination_low == 0.0) == (share == 0.0)
    assert (row.elimination_high == 1.0) == (share == 1.0)
    assert row.formation_low == 0.0


def test_one_session_has_no_interval():
    found, _, _ = bounded(World(days=(0,), n_raters=2))
    assert found.turnover.empty
    assert found.reason.startswith("the correction is not identified: found 1 session and")


def test_a_third_session_identifies_it():
    found, _, _ = bounded(World(days=(0, 2, 4)))
    assert found.identified
    assert not [name for name in found.names if name.startswith("return")]
