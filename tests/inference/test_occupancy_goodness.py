"""Draws from the model obey it; a good model is let pass and a wrong one is not."""

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.inference.occupancy import OccupancySettings, compute_goodness, fit_occupancy, read_histories
from respine.inference.occupancy.draw import draw_histories
from respine.inference.occupancy.goodness import count_kinds
from respine.inference.occupancy.likelihood import Likelihood
from scored_sites import World, simulate


def fitted(world, seed, settings=None):
    spines, sessions, _, _ = simulate(world, np.random.default_rng(seed))
    return fit_occupancy(read_histories(spines, sessions), settings)


@pytest.mark.parametrize(
    ("world", "settings"),
    [
        (World(n_subjects=2, n_spines=400, unscorable=0.1, restored=0.2, elimination=0.06), OccupancySettings()),
        (
            World(n_subjects=2, n_spines=300, days=(0, 1, 4), n_raters=2, elimination=0.06, formation=0.05),
            OccupancySettings(survival="two_class"),
        ),
    ],
)
def test_the_mean_score_of_draws_is_zero(world, settings):
    fit = fitted(world, 1, settings)
    rng = np.random.default_rng(2)
    scores = []
    for _ in range(60):
        drawn = draw_histories(fit, rng)
        assert (drawn.seen.sum(axis=1) > 0).all()
        assert (drawn.seen <= drawn.looks).all()
        scores.append(Likelihood(drawn, settings).sweep(fit.theta).scores.sum(axis=0))
    scores = np.array(scores)
    error = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    assert (np.abs(scores.mean(axis=0)) < 4 * error + 1e-9).all()


def test_the_right_model_is_let_pass_and_repeats():
    fit = fitted(World(), 3)
    first, again = compute_goodness(fit, 150, seed=1), compute_goodness(fit, 150, seed=1)
    assert first.p == again.p
    assert first.p > 0.02
    assert (first.n_draws, first.seed) == (150, 1)
    assert first.kinds.z.abs().max() < 5
    assert 5 < first.df <= len(first.kinds)


def test_too_few_draws():
    fit = fitted(World(n_spines=20), 3)
    with pytest.raises(InputError) as error:
        compute_goodness(fit, 10, seed=1)
    assert str(error.value) == "goodness of fit: found 10 draws; expected 30 or more"


def test_spines_that_are_always_hard_to_see_are_noticed():
    fit = fitted(World(n_spines=400, hit_spread=2.0, hit=0.8), 4)
    found = compute_goodness(fit, 60, seed=1)
    assert found.p < 0.05
    assert found.kinds.z.abs().max() > 3


def test_an_undetected_dim_session_is_noticed():
    fit = fitted(World(n_spines=300, hit=(0.9, 0.9, 0.75, 0.9, 0.9)), 5, OccupancySettings(detection="constant"))
    kinds = compute_goodness(fit, 60, seed=1).kinds.set_index("kind")
    assert kinds.z["missed only in session 3 of three"] > 5


def test_kinds_of_histories():
    spines, sessions, _, _ = simulate(World(n_subjects=1, n_spines=4), np.random.default_rng(6))
    histories = read_histories(spines, sessions)
    seen = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 1], [0, 1, 2, 0, 0]])
    drawn = histories.replace_scorings(seen, np.zeros(4, int))
    drawn.looks[:] = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 2, 2, 1, 1]]
    kinds = dict(zip(*count_kinds(drawn), strict=True))
    some = {name: n for name, n in kinds.items() if n}
    assert some == {
        "seen 1 times in 1 runs": 1,
        "seen 2 times in 1 runs": 2,
        "seen 3 times in 2 runs": 1,
        "seen only in session 3": 1,
        "missed only in session 3 of three": 1,
        "sessions in which looks disagree": 1,
    }
