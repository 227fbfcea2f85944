"""Degrees of freedom by Satterthwaite's method.

The variance of an estimated contrast depends on the estimated variance parameters; its own sampling variance, by the
delta method with the curvature of the deviance, says how many degrees of freedom it has. Parameters are the relative
standard deviations and the residual standard deviation, so that a variance at zero drops out by itself.

References
----------
Fai AH-T, Cornelius PL (1996). Approximate F-tests of multiple degree of freedom hypotheses in generalized least squares
analyses of unbalanced split-plot experiments. Journal of Statistical Computation and Simulation 54:363-378.
doi:10.1080/00949659608811740
"""

from __future__ import annotations

import numpy as np

from respine.inference.mixed.likelihood import Point

SMALLEST_CURVATURE = 1e-8
RANK = np.sqrt(np.finfo(float).eps)


class Satterthwaite:
    """Variances of contrasts (rows over the P columns of the point's design) and their degrees of freedom."""

    def __init__(self, point: Point, residual_sd: float) -> None:
        d = point.derive()
        sigma2 = point.rss / point.free
        k = len(point.theta)
        # the residual deviation counts in units of its estimate and a large relative one in units of its own, so that
        # no curvature is lost beside another
        size = np.append(np.maximum(1.0, np.abs(point.theta)), 1.0)
        hessian = np.zeros((k + 1, k + 1))
        hessian[:k, :k] = d.log_second + d.rss_second / sigma2
        hessian[:k, k] = hessian[k, :k] = -2 * d.rss_first / sigma2
        hessian[k, k] = 4 * point.free
        hessian *= np.outer(size, size)
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        kept = values > SMALLEST_CURVATURE
        self.parameter_covariance = 2 * (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        phi = point.unscaled
        self.covariance = residual_sd**2 * phi
        unit = [phi @ step @ phi for step in d.information] + [2 * phi]
        self.slopes = np.array(unit) * residual_sd**2 * size[:, None, None]

    def test_row(self, row: np.ndarray) -> tuple[float, float]:
        """Give standard error and degrees of freedom of one contrast (P,)."""
        variance = float(row @ self.covariance @ row)
        slope = np.einsum("a,kab,b->k", row, self.slopes, row)
        spread = float(slope @ self.parameter_covariance @ slope)
        return np.sqrt(variance), 2 * variance**2 / spread if spread > 0 else np.inf

    def test_rows(self, rows: np.ndarray, coefficients: np.ndarray) -> tuple[int, float, float]:
        """Give numerator and denominator degrees of freedom and F of a joint hypothesis (K, P)."""
        values, vectors = np.linalg.eigh(rows @ self.covariance @ rows.T)
        kept = values > RANK * values.max()
        turned = vectors[:, kept].T @ rows
        f = float(np.mean((turned @ coefficients) ** 2 / values[kept]))
        return len(turned), pool_df(np.array([self.test_row(row)[1] for row in turned])), f


def pool_df(single: np.ndarray) -> float:
    """Pool the degrees of freedom of independent contrasts into those of their joint F."""
    if np.ptp(single) < 1e-8 or len(single) == 1:
        return float(single.mean())
    if (single <= 2).any():
        return 2.0
    expected = np.sum(single / (single - 2)) if np.isfinite(single).all() else np.sum(1 / (1 - 2 / single))
    return float(2 * expected / (expected - len(single)))
