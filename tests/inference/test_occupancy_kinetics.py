"""Rates mean what they say, against small steps of time."""

import numpy as np
import pytest

from respine.inference.occupancy.kinetics import Rates, compute_kinetics, differentiate_kinetics

DAYS = np.array([[1.0, 3.0, 0.0]])


def rates(two_class=False, returns=True):
    one = np.ones((1, 3, 1))
    return Rates(one, one, one if returns else np.ones((1, 3, 0)), DAYS, two_class)


def test_constant_rates():
    made = compute_kinetics(np.array([[np.log(0.03), np.log(0.02), np.log(0.01)]]), rates())
    np.testing.assert_allclose(made.elimination[0, 0], 1 - np.exp(-0.02 * DAYS[0]))
    np.testing.assert_allclose(made.formation[0, 0, 0], 0.03 / 0.02 * (1 - np.exp(-0.02)))
    # in the second interval the sites vacated in the first fill again
    back = (1 - np.exp(-0.02)) * (1 - np.exp(-0.03)) / made.standing[0, 0, 1]
    np.testing.assert_allclose(made.formation[0, 0, 1], 0.03 / 0.02 * (1 - np.exp(-0.06)) + back)
    assert made.formation[0, 0, 2] == 0
    np.testing.assert_allclose(made.standing[0, 0, 1], np.exp(-0.02) + 0.03 / 0.02 * (1 - np.exp(-0.02)))


def test_two_classes_by_small_steps():
    birth, slow, extra, first, new = 0.05, 0.01, 0.6, 0.1, 0.7
    logit = [np.log(s / (1 - s)) for s in (first, new)]
    theta = np.array([[np.log(birth), np.log(slow), np.log(extra), *logit]])
    made = compute_kinetics(theta, rates(two_class=True, returns=False))
    hazard, share = np.array([slow, slow + extra]), np.array([1 - new, new])
    now = np.array([1 - first, first])
    for k, days in enumerate(DAYS[0, :2]):
        n_steps = 20000
        old, young, total = now.copy(), np.zeros(2), now.sum()
        for _ in range(n_steps):
            step = days / n_steps
            old = old * (1 - hazard * step)
            young = young * (1 - hazard * step) + birth * total * share * step
        assert made.elimination[0, 0, k] == pytest.approx(1 - old.sum() / total, rel=1e-3)
        assert made.formation[0, 0, k] == pytest.approx(young.sum() / total, rel=1e-3)
        now = old + young


def test_slopes_are_exact():
    theta = np.array([-3.0, -4.0, -2.0, -0.5, -1.0, 0.3])
    design = rates(two_class=True)
    slopes = differentiate_kinetics(theta, design)
    for p in range(6):
        step = 1e-6 * np.eye(6)[p]
        ahead, back = (compute_kinetics((theta + s)[None], design) for s in (step, -step))
        for name in ("start", "stay", "again", "formation", "elimination", "standing"):
            numeric = (getattr(ahead, name)[0] - getattr(back, name)[0]) / 2e-6
            np.testing.assert_allclose(getattr(slopes, name)[p], numeric, atol=1e-8)
