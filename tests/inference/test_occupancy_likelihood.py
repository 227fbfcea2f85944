"""The compiled likelihood against a sum over every path, its gradient against differences."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from respine.inference.occupancy import OccupancySettings, read_histories
from respine.inference.occupancy.forward import sweep_cases
from respine.inference.occupancy.likelihood import Likelihood

N_TIMES, GONE = 4, 2
START = np.array([[0.8, 0.2], [0.05, 0.02], [0.03, 0.07], [0.04, 0.01]])
STAY = np.array([[0.0, 0.0], [0.95, 0.6], [0.9, 0.5], [0.97, 0.7]])
AGAIN = np.array([[0.0, 0.0], [0.1, 0.05], [0.02, 0.2], [0.05, 0.05]])
ETA = np.array([2.0, 1.0, -0.5, 1.5])
Q = 0.07


def every_path():
    """Every path of states (-1: not yet born) with its weight."""
    for born, kind in product(range(N_TIMES), range(2)):
        paths = [((-1,) * born + (kind,), START[born, kind])]
        for t in range(born + 1, N_TIMES):
            longer = []
            for path, weight in paths:
                if path[-1] == GONE:
                    longer += [((*path, c), weight * AGAIN[t, c]) for c in range(2)]
                    longer.append(((*path, GONE), weight * (1 - AGAIN[t].sum())))
                else:
                    longer.append(((*path, path[-1]), weight * STAY[t, path[-1]]))
                    longer.append(((*path, GONE), weight * (1 - STAY[t, path[-1]])))
            paths = longer
        yield from paths


def chance_of(seen, looks, path):
    p = [expit(ETA[t]) if path[t] in (0, 1) else Q for t in range(N_TIMES)]
    return np.prod([p[t] ** seen[t] * (1 - p[t]) ** (looks[t] - seen[t]) for t in range(N_TIMES)])


def sweep(seen, looks, kind=0, phantom=0.0):
    return sweep_cases(
        np.array([seen]),
        np.array([looks]),
        np.array([0]),
        np.array([3.0]),
        np.array([kind]),
        np.array([phantom]),
        ETA[None],
        Q,
        START[None],
        STAY[None],
        AGAIN[None],
    )


CASES = [
    ((1, 0, 1, 1), (1, 1, 1, 1)),
    ((0, 0, 1, 0), (1, 0, 1, 1)),
    ((2, 1, 0, 1), (2, 2, 2, 1)),
    ((1, 0, 0, 1), (1, 1, 1, 1)),
]


@pytest.mark.parametrize(("seen", "looks"), CASES)
def test_a_history_is_the_sum_over_all_paths(seen, looks):
    weights = [(path, w * chance_of(seen, looks, path)) for path, w in every_path()]
    total = sum(w for _, w in weights)
    value, *_, present, returned = sweep(seen, looks, phantom=0.01)
    assert value[0] == pytest.approx(3 * np.log(total + 0.01), rel=1e-12)
    for t in range(N_TIMES):
        stands = sum(w for path, w in weights if path[t] in (0, 1)) / (total + 0.01)
        assert present[0, t] == pytest.approx(stands, rel=1e-12)
        back = sum(w for path, w in weights if t and path[t] in (0, 1) and path[t - 1] == GONE)
        assert returned[0, t] == pytest.approx(back / (total + 0.01), abs=1e-14)


def test_never_seen_is_what_all_seen_histories_leave():
    looks = (1, 1, 0, 1)
    seen = [s for s in product((0, 1), (0, 1), (0,), (0, 1)) if any(s)]
    total = sum(np.exp(sweep(s, looks)[0][0] / 3) for s in seen)
    assert sweep((0,) * 4, looks, kind=1, phantom=0.02)[0][0] == pytest.approx(-3 * np.log(total + 0.02), rel=1e-12)


def scored(rng, n=60, n_raters=2):
    n_times = 5
    rows = []
    for m, days in enumerate(((0, 1, 3, 4, 9), (0, 2, 4, 6), (0, 1.5, 5, 6, 7))):
        calls = rng.random((n, len(days), n_raters)) < 0.6
        rows += [
            (f"m{m}", f"d{i % 3}", f"s{i}", f"t{t}", calls[i, t, r] if rng.random() > 0.1 else pd.NA, i % 7 + 0.1 * t)
            for i in range(n)
            for t in range(len(days))
            for r in range(n_raters)
        ]
    spines = pd.DataFrame(rows, columns=["subject", "dendrite", "spine", "session", "visible", "size"])
    days = ((0, 1, 3, 4, 9), (0, 2, 4, 6), (0, 1.5, 5, 6, 7))
    sessions = pd.DataFrame(
        [(f"m{m}", f"t{t}", 24.0 * d) for m in range(3) for t, d in enumerate(days[m])],
        columns=["subject", "session", "time_h"],
    )
    assert n_times == max(map(len, days))
    return read_histories(spines, sessions, ["size"], {"m0": "a", "m1": "b", "m2": "a"})


@pytest.mark.parametrize(
    "settings",
    [
        OccupancySettings(),
        OccupancySettings(
            survival="two_class",
            detection="subject_session",
            interval_formation=True,
            interval_elimination=True,
            subject_rates=True,
        ),
        OccupancySettings(group_rates=True, group_detection=True, weak_priors=False, session_sd=np.inf),
        OccupancySettings(returns=False, false_calls=False, detection="constant"),
    ],
)
def test_gradient(settings):
    rng = np.random.default_rng(3)
    likelihood = Likelihood(scored(rng), settings)
    theta = likelihood.layout.start + 0.4 * rng.standard_normal(len(likelihood.layout.start))
    # the two raters contradict each other where nothing can be called without a spine
    _, gradient = likelihood.penalised(theta)
    steps = 1e-5 * np.eye(len(theta))
    numeric = [(likelihood.penalised(theta + s)[0] - likelihood.penalised(theta - s)[0]) / 2e-5 for s in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-5)


def test_scores_of_animals_sum_to_the_gradient_and_are_theirs():
    histories = scored(np.random.default_rng(4))
    likelihood = Likelihood(histories, OccupancySettings(detection="constant", false_calls=True))
    swept = likelihood.sweep(likelihood.layout.start)
    for g in range(3):
        alone = Likelihood(histories.select_subjects([g]), OccupancySettings(detection="constant"))
        own = alone.sweep(alone.layout.start)
        assert own.value.sum() == pytest.approx(swept.value[g], rel=1e-10)
        if alone.layout.names == likelihood.layout.names:
            np.testing.assert_allclose(own.scores.sum(axis=0), swept.scores[g], rtol=1e-9, atol=1e-9)


def test_alike_sites_collapse():
    histories = scored(np.random.default_rng(5))
    doubled = histories.select_subjects([0, 0])
    one, two = (Likelihood(h, OccupancySettings()) for h in (histories.select_subjects([0]), doubled))
    theta = one.layout.start
    assert two.sweep(theta).value.sum() == pytest.approx(2 * one.sweep(theta).value.sum(), rel=1e-12)
    assert one.n_cases < len(one.histories.seen) or one.n_cases == len(np.unique(one.case_of_site))
    plain = Likelihood(histories.replace_scorings(histories.seen[[0] * 50], np.zeros(50, int)), OccupancySettings())
    assert plain.n_cases == 1
    assert plain.count[0] == 50


@pytest.mark.parametrize("survival", ["constant", "two_class"])
def test_the_seen_histories_of_a_site_have_probability_one(survival):
    seen = np.array([s for s in product((0, 1), repeat=4) if any(s)])
    n = len(seen)
    spines = pd.DataFrame(
        {
            "subject": "m",
            "dendrite": "d",
            "spine": np.repeat(np.arange(n), 4),
            "session": np.tile(list("abcd"), n),
            "visible": seen.ravel() == 1,
        }
    )
    sessions = pd.DataFrame({"subject": "m", "session": list("abcd"), "time_h": [0.0, 30.0, 100.0, 120.0]})
    histories = read_histories(spines, sessions)
    settings = OccupancySettings(survival=survival, detection="constant")
    rng = np.random.default_rng(6)
    total = 0.0
    for i in range(n):
        alone = Likelihood(histories.replace_scorings(histories.seen[[i]], np.array([i])), settings)
        if i == 0:
            theta = alone.layout.start + 0.5 * rng.standard_normal(len(alone.layout.start))
        total += np.exp(alone.sweep(theta).value.sum())
    assert total == pytest.approx(1.0, abs=1e-12)
