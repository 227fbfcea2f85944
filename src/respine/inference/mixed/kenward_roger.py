"""Kenward and Roger's small-sample covariance, F and degrees of freedom; also for variances estimated as zero.

References
----------
Kenward MG, Roger JH (1997). Small sample inference for fixed effects from restricted maximum likelihood. Biometrics
53:983-997. doi:10.2307/2533558
Halekoh U, Hojsgaard S (2014). A Kenward-Roger approximation and parametric bootstrap methods for tests in linear mixed
models. Journal of Statistical Software 59(9). doi:10.18637/jss.v059.i09
"""

from __future__ import annotations

import numpy as np

from respine.inference.mixed.likelihood import Point
from respine.inference.mixed.products import Direction

SMALL = 1e-10


class KenwardRoger:
    """The adjusted covariance of the P coefficients and tests with it.

    The variance parameters are those of the random terms and, instead of the residual variance, the scale of the whole
    covariance: a linear change of parameters, to which the method is indifferent.
    """

    def __init__(self, point: Point, residual_sd: float) -> None:
        directions: list[Direction] = []
        for term, width in enumerate(point.products.widths):
            for i, j in zip(*np.triu_indices(width), strict=True):
                change = np.zeros((width, width))
                change[i, j] = change[j, i] = 1.0
                directions.append((term, change))
        k, p, n = len(directions), point.n_fixed, point.products.n_rows
        forms = point.solution.forms(directions, k)
        phi = point.unscaled
        information = np.linalg.inv(phi)
        steps = np.concatenate([forms.outer[:, :p, :p], information[None]])  # X'V^-1 G V^-1 X
        pairs = np.zeros((k + 1, k + 1, p, p))
        pairs[:k, :k] = forms.pairs[:, :, :p, :p]
        pairs[:k, k] = pairs[k, :k] = steps[:k]
        pairs[k, k] = information
        traces = np.zeros((k + 1, k + 1))
        traces[:k, :k] = forms.pair_traces
        traces[:k, k] = traces[k, :k] = forms.traces
        traces[k, k] = n
        turned = phi @ steps
        expected = traces - 2 * np.einsum("ab,ijba->ij", phi, pairs) + np.einsum("iab,jba->ij", turned, turned)
        expected = (expected + expected.T) / 2
        self.weights = 2 * np.linalg.pinv(expected, rcond=SMALL, hermitian=True)
        bent = np.einsum("ij,ijab->ab", self.weights, pairs)
        bent -= np.einsum("ij,iab,jbc->ac", self.weights, steps, turned)
        self.phi, self.turned = phi, turned
        self.scale = residual_sd**2
        adjusted = phi + 2 * phi @ bent @ phi
        self.covariance = self.scale * (adjusted + adjusted.T) / 2

    def test_row(self, row: np.ndarray) -> tuple[float, float]:
        """Give standard error and degrees of freedom of one contrast (P,)."""
        return float(np.sqrt(row @ self.covariance @ row)), self._moments(row[None])[1]

    def test_rows(self, rows: np.ndarray, coefficients: np.ndarray) -> tuple[int, float, float]:
        """Give numerator and denominator degrees of freedom and the scaled F of a joint hypothesis (K, P)."""
        q, df, factor = self._moments(rows)
        estimate = rows @ coefficients
        f = estimate @ np.linalg.solve(rows @ self.covariance @ rows.T, estimate) / q
        return q, df, float(factor * f)

    def _moments(self, rows: np.ndarray) -> tuple[int, float, float]:
        """Match the first two moments of F: numerator and denominator degrees of freedom and the factor of F."""
        q = len(rows)
        theta = rows.T @ np.linalg.solve(rows @ self.phi @ rows.T, rows)
        shares = theta @ self.turned @ self.phi  # Theta Phi P_i Phi
        single = np.einsum("iaa->i", shares)
        a1 = float(single @ self.weights @ single)
        a2 = float(np.einsum("ij,iab,jba->", self.weights, shares, shares))
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        bottom = 3 * q + 2 * (1 - g)
        v0 = 1 + g / bottom * b
        v1 = 1 - a2 / q
        v2 = (1 - (q - g) / bottom * b) ** 2 * (1 - (q + 2 - g) / bottom * b)
        if abs(v0) < SMALL:
            v0 = 0.0
        rho = v1**2 * v0 / (v2 * q)
        df = 4 + (q + 2) / (q * rho - 1)
        # at df = 2 the factor is 0 / 0 and tends to 1
        factor = 1.0 if abs(df - 2) < 1e-2 else df * v1 / (df - 2)
        return q, float(df), float(factor)
