"""The linear algebra on cross-products against N x N matrices, and the likelihood's derivatives against differences."""

import numpy as np
import pytest
from scipy import optimize

from respine.core.errors import InputError
from respine.inference.mixed import blocks, likelihood
from respine.inference.mixed.groups import Grouping
from respine.inference.mixed.likelihood import Point, find_optimum, unit_factors
from respine.inference.mixed.products import CrossProducts, Solution

N = 70


def group(name, codes, weights):
    codes = np.unique(codes, return_inverse=True)[1]
    effects = tuple("abc"[: weights.shape[1]])
    return Grouping(name, name, effects, codes, codes.max() + 1, weights, np.ones(weights.shape[1]))


def make_groups(case, rng):
    mouse = rng.integers(0, 5, N)
    dendrite = mouse * 4 + rng.integers(0, 4, N)
    session = rng.integers(0, 3, N)
    one = np.ones((N, 1))
    two = np.column_stack([np.ones(N), rng.normal(size=N)])
    return {
        "one": [group("dendrite", dendrite, one)],
        "nested": [group("dendrite", dendrite, one), group("mouse", mouse, one)],
        "crossed": [group("mouse", mouse, one), group("session", session, one)],
        "slope": [group("dendrite", dendrite, two)],
        "slopes in all": [group("d", dendrite, two), group("mouse", mouse, two), group("session", session, one)],
    }[case]


CASES = ["one", "nested", "crossed", "slope", "slopes in all"]


@pytest.fixture(params=CASES)
def problem(request):
    rng = np.random.default_rng(CASES.index(request.param))
    groups = make_groups(request.param, rng)
    fixed = np.linalg.qr(np.column_stack([np.ones(N), rng.normal(size=(N, 2))]))[0]
    outcome = rng.normal(size=N) + rng.normal(size=30)[groups[0].codes] * 0.7
    return groups, fixed, outcome, rng


def spread(grouping, small):
    dense = grouping.indicator.toarray()
    return dense @ np.kron(np.eye(grouping.n_levels), small) @ dense.T


def test_solution_and_forms_equal_the_dense_ones(problem):
    groups, fixed, outcome, rng = problem
    covariances, directions = [], []
    for term, grouping in enumerate(groups):
        width = grouping.weights.shape[1]
        root = rng.normal(size=(width, width))
        covariances.append(root @ root.T)
        for _ in range(width):
            change = rng.normal(size=(width, width))
            directions.append((term, change + change.T))
    inverse = np.linalg.inv(np.eye(N) + sum(spread(g, s) for g, s in zip(groups, covariances, strict=True)))
    augmented = np.column_stack([fixed, outcome])
    solution = Solution(CrossProducts(fixed, outcome, groups), covariances)
    np.testing.assert_allclose(solution.log_determinant, -np.linalg.slogdet(inverse)[1], rtol=1e-12)
    np.testing.assert_allclose(solution.gram, augmented.T @ inverse @ augmented, atol=1e-12)
    forms = solution.forms(directions, len(directions))
    changes = [inverse @ spread(groups[term], small) for term, small in directions]
    np.testing.assert_allclose(forms.traces, [np.trace(c) for c in changes], rtol=1e-10, atol=1e-10)
    for i, one in enumerate(changes):
        np.testing.assert_allclose(forms.outer[i], augmented.T @ one @ inverse @ augmented, atol=1e-10)
        for j, two in enumerate(changes):
            np.testing.assert_allclose(forms.pair_traces[i, j], np.trace(one @ two), rtol=1e-9, atol=1e-9)
            dense = augmented.T @ one @ two @ inverse @ augmented
            np.testing.assert_allclose(forms.pairs[i, j], dense, atol=1e-9)


@pytest.mark.parametrize("reml", [True, False])
def test_derivatives_equal_differences(problem, reml):
    groups, fixed, outcome, rng = problem
    products = CrossProducts(fixed, outcome, groups)
    theta = rng.normal(size=len(unit_factors(products.widths)))
    step = 1e-5 * np.eye(len(theta))

    def gradient(at):
        point = Point(products, at, reml)
        return point.profile(point.derive())[0]

    point = Point(products, theta, reml)
    first, second = point.profile(point.derive())
    rise = [Point(products, theta + h, reml).deviance - Point(products, theta - h, reml).deviance for h in step]
    np.testing.assert_allclose(first, np.array(rise) / 2e-5, rtol=1e-6, atol=1e-6)
    bend = [(gradient(theta + h) - gradient(theta - h)) / 2e-5 for h in step]
    np.testing.assert_allclose(second, bend, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("reml", [True, False])
def test_nothing_around_the_optimum_is_better(problem, reml):
    groups, fixed, outcome, rng = problem
    products = CrossProducts(fixed, outcome, groups)
    best = find_optimum(products, reml)
    gradient, hessian = best.profile(best.derive())
    np.testing.assert_allclose(gradient, 0, atol=1e-4)
    assert np.linalg.eigvalsh(hessian)[0] > -1e-6
    for size in (0.01, 0.1, 1.0):
        for _ in range(40):
            other = Point(products, best.theta + size * rng.normal(size=len(best.theta)), reml)
            assert other.deviance >= best.deviance - 1e-9


def test_every_start_leads_to_the_optimum():
    # with one variance the curvature changes its sign on the way: Newton's step is endless there
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(24), 4)
    groups = [group("dendrite", codes, np.ones((96, 1)))]
    outcome = rng.normal(size=96) + 0.6 * rng.normal(size=24)[codes]
    outcome -= outcome.mean()
    products = CrossProducts(np.full((96, 1), 96**-0.5), outcome, groups)

    def curvature(theta):
        point = Point(products, np.array([theta]), True)
        return point.profile(point.derive())[1][0, 0]

    inflection = optimize.brentq(curvature, 0.01, find_optimum(products, True).theta[0])
    starts = [*np.geomspace(1e-3, 30, 40), *(inflection + np.linspace(-1e-6, 1e-6, 21)), 0.0]
    reached = [likelihood._descend(products, np.array([start]), True) for start in starts]
    best = find_optimum(products, True)
    np.testing.assert_allclose([point.deviance for point in reached], best.deviance, rtol=1e-12)
    np.testing.assert_allclose([abs(point.theta[0]) for point in reached], best.theta[0], rtol=1e-4)


def test_a_likelihood_without_optimum_is_refused(monkeypatch, problem):
    groups, fixed, outcome, _ = problem
    monkeypatch.setattr(likelihood, "MAX_STEPS", 1)
    with pytest.raises(InputError) as caught:
        find_optimum(CrossProducts(fixed, outcome, groups), True)
    assert str(caught.value) == (
        "the likelihood reached no optimum in 1 steps; the random terms leave too little residual in 70 rows: leave "
        "out random slopes or groups"
    )


def test_components_of_unlike_size_are_padded_without_effect(monkeypatch):
    monkeypatch.setattr(blocks, "SMALL", 0.0)
    rng = np.random.default_rng(8)
    sizes = [1, 1, 2, 3, 5, 9, 14, 2, 1]
    animal = np.concatenate([np.repeat(i, 4 * size) for i, size in enumerate(sizes)])
    dendrite = np.concatenate([np.repeat(np.arange(size), 4) for size in sizes])
    spine = np.concatenate([np.tile([0, 0, 1, 1], size) for size in sizes])
    one = np.ones((len(animal), 1))
    groups = [
        group("spine", animal * 100 + dendrite * 2 + spine, one),
        group("dendrite", animal * 100 + dendrite, one),
        group("animal", animal, one),
    ]
    fixed = one / np.sqrt(len(animal))
    outcome = rng.normal(size=len(animal))
    products = CrossProducts(fixed, outcome, groups)
    assert 1 < len(products.packing.buckets) < len(sizes)
    covariances = [np.array([[s]]) for s in (0.4, 0.7, 1.5)]
    dense = np.eye(len(animal)) + sum(spread(g, s) for g, s in zip(groups, covariances, strict=True))
    solution = Solution(products, covariances)
    assert solution.log_determinant == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    assert solution.gram[-1, -1] == pytest.approx(outcome @ np.linalg.solve(dense, outcome), rel=1e-12)
