"""Simultaneous intervals against Tukey's and Dunnett's distributions, and at their limits."""

import numpy as np
import pytest
from scipy import stats

from respine.inference.mixed.simultaneous import compute_simultaneous


def pairwise(n):
    rows = [np.eye(n)[i] - np.eye(n)[j] for i in range(n) for j in range(i)]
    return np.array(rows) @ np.array(rows).T / 2


@pytest.mark.parametrize(("n", "df"), [(3, 6), (4, 12.5), (5, 40)])
def test_all_pairs_of_equal_groups_give_tukey(n, df):
    k = n * (n - 1) // 2
    t = np.linspace(0.5, 4, k)
    p, critical = compute_simultaneous(pairwise(n), t, np.full(k, df), 0.95)
    np.testing.assert_allclose(critical, stats.studentized_range.ppf(0.95, n, df) / np.sqrt(2), rtol=1e-3)
    np.testing.assert_allclose(p, stats.studentized_range.sf(t * np.sqrt(2), n, df), atol=1e-3)


@pytest.mark.parametrize("k", [2, 4])
def test_many_against_one_gives_dunnett(k):
    correlation = np.full((k, k), 0.5) + np.eye(k) / 2
    t = np.array([2.2, 1.0, 3.0, 0.1][:k])
    p, critical = compute_simultaneous(correlation, t, np.full(k, 10.0), 0.9)
    limits = stats.multivariate_t(shape=correlation, df=10)
    rng = np.random.default_rng(0)
    for value, size in ((0.1, critical[0]), (p[0], t[0])):
        inside = limits.cdf(np.full(k, size), lower_limit=np.full(k, -size), maxpts=200_000, random_state=rng)
        assert 1 - inside == pytest.approx(value, abs=1e-3)


def test_one_contrast_is_an_ordinary_t():
    p, critical = compute_simultaneous(np.eye(1), np.array([-2.5]), np.array([7.3]), 0.95)
    assert p[0] == pytest.approx(2 * stats.t.sf(2.5, 7.3))
    assert critical[0] == pytest.approx(stats.t.ppf(0.975, 7.3))


def test_equal_contrasts_cost_nothing_and_independent_ones_sidak():
    t, df = np.full(3, 2.0), np.full(3, np.inf)
    same, _ = compute_simultaneous(np.ones((3, 3)), t, df, 0.95)
    np.testing.assert_allclose(same, 2 * stats.norm.sf(2.0), atol=5e-4)
    apart, critical = compute_simultaneous(np.eye(3), t, df, 0.95)
    np.testing.assert_allclose(apart, 1 - (1 - 2 * stats.norm.sf(2.0)) ** 3, atol=5e-4)
    np.testing.assert_allclose(critical, stats.norm.isf((1 - 0.95 ** (1 / 3)) / 2), rtol=1e-3)


def test_small_p_values_lie_between_single_and_bonferroni():
    t = np.array([0.0, 8.0, 25.0])
    df = np.array([5.0, 9.0, 30.0])
    p, critical = compute_simultaneous(np.eye(3), t, df, 0.95)
    single = 2 * stats.t.sf(t, df)
    assert (p >= single).all()
    assert (p <= np.minimum(1, 3 * single)).all()
    assert (np.diff(critical) < 0).all()  # more degrees of freedom, shorter intervals


def test_the_same_input_gives_the_same_digits():
    args = (pairwise(4), np.linspace(0, 3, 6), np.full(6, 9.0), 0.95)
    np.testing.assert_array_equal(compute_simultaneous(*args), compute_simultaneous(*args))
