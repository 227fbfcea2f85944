"""Scores between two bounds with a given mean and standard deviation: the logit-normal law.

A score is s = expit(mu + sigma z) with z standard normal. mu and sigma follow from the mean and the standard deviation
of s by Newton's method on Gauss-Hermite sums.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import expit, logit

EDGE = 0.02
"""Means keep this distance from the bounds 0 and 1."""
MOST_SPREAD = 0.5
"""The standard deviation is at most this share of the largest possible one, sqrt(m (1 - m))."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_MEANS = np.linspace(EDGE, 1 - EDGE, 241)
_STEPS = 40


@lru_cache(maxsize=64)
def _parameters(sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mu and sigma at each of _MEANS."""
    variance = np.minimum(sd, MOST_SPREAD * np.sqrt(_MEANS * (1 - _MEANS))) ** 2
    mu = logit(_MEANS)
    sigma = np.sqrt(variance) / (_MEANS * (1 - _MEANS))
    for _ in range(_STEPS):
        score = expit(mu[:, None] + sigma[:, None] * _NODES)
        slope = score * (1 - score)
        mean, square = score @ _WEIGHTS, score**2 @ _WEIGHTS
        miss = np.stack([mean - _MEANS, square - variance - _MEANS**2], axis=1)
        columns = [(slope @ _WEIGHTS, 2 * (score * slope) @ _WEIGHTS)]
        columns.append(((slope * _NODES) @ _WEIGHTS, 2 * (score * slope * _NODES) @ _WEIGHTS))
        jacobian = np.moveaxis(np.array(columns), 2, 0).transpose(0, 2, 1)
        step = np.linalg.solve(jacobian, miss[..., None])[..., 0]
        # Half a step while far: the square root's curvature makes full ones overshoot.
        mu, sigma = mu - 0.7 * step[:, 0], np.maximum(sigma - 0.7 * step[:, 1], 0.2 * sigma)
    return mu, sigma


def bounded_scores(mean: np.ndarray, sd: float, z: np.ndarray) -> np.ndarray:
    """Turn standard normal numbers into scores between 0 and 1.

    Parameters
    ----------
    mean : ndarray
        Mean of each score; kept `EDGE` from the bounds.
    sd : float
        Standard deviation of every score; smaller near the bounds (`MOST_SPREAD`).
    z : ndarray
    """
    mu, sigma = _parameters(sd)
    return expit(np.interp(mean, _MEANS, mu) + np.interp(mean, _MEANS, sigma) * z)
