"""Intervals that hold for several contrasts at once: the maximum of a multivariate t.

The probability is an average over fixed quasi-random directions of the contrasts' normal errors, with the error of the
variance integrated exactly for each; the same input gives the same digits.

References
----------
Hothorn T, Bretz F, Westfall P (2008). Simultaneous inference in general parametric models. Biometrical Journal
50:346-363. doi:10.1002/bimj.200810425
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special, stats

N_POINTS = 1 << 15
N_BINS = 1 << 10
MANY = 1e7
"""Degrees of freedom from which a t is a normal."""


def _primes(count: int) -> np.ndarray:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return np.array(found)


def _draw_maxima(correlation: np.ndarray) -> np.ndarray:
    """Spread N_POINTS evenly over the normal errors of K contrasts; give the largest sizes, averaged by rank."""
    values, vectors = np.linalg.eigh(correlation)
    kept = values > 1e-10 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    steps = np.arange(1, N_POINTS + 1)[:, None] * np.sqrt(_primes(root.shape[1]))
    uniform = np.abs(2 * (steps % 1.0) - 1)  # folded, so that the points are smooth in the cube
    normal = special.ndtri(np.clip(uniform, 1e-12, 1 - 1e-12))
    return np.sort(np.abs(normal @ root.T).max(axis=1)).reshape(N_BINS, -1).mean(axis=1)


def compute_simultaneous(
    correlation: np.ndarray, t: np.ndarray, df: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compute adjusted p values and critical values for K contrasts taken together.

    Parameters
    ----------
    correlation : ndarray
        (K, K) correlation of the estimates.
    t, df : ndarray
        (K,) test statistics and their degrees of freedom; each contrast is judged with its own.
    level : float
        Probability that all K intervals hold.

    Returns
    -------
    p, critical : ndarray
        (K,) adjusted p values, and the multiples of the standard error that make the intervals.
    """
    df = np.minimum(df, MANY)
    single = 2 * stats.t.sf(np.abs(t), df)
    alone = stats.t.isf((1 - level) / 2, df)
    if len(t) == 1:
        return single, alone
    maxima = _draw_maxima(correlation)

    def exceed(size: float, free: float) -> float:
        if size == 0:
            return 1.0
        return float(special.chdtr(free, free * (maxima / size) ** 2).mean())

    p = np.array([exceed(abs(a), b) for a, b in zip(t, df, strict=True)])
    highest = stats.t.isf((1 - level) / 2 / len(t), df)  # Bonferroni
    critical = {
        free: optimize.brentq(lambda c, free=free: exceed(c, free) - (1 - level), low * 0.99, high * 1.01)
        for free, low, high in zip(df, alone, highest, strict=True)
    }
    p = np.clip(p, single, np.minimum(1.0, len(t) * single))
    return p, np.clip([critical[free] for free in df], alone, highest)
