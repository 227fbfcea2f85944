"""The restricted or full likelihood of a mixed model, its derivatives, and its optimum.

The random terms are parametrised by relative standard deviations: S = t t', t lower triangular, one such factor a term,
in units of the residual standard deviation. The deviance is even in each column of t, so that it needs no bounds: a
variance of zero is an ordinary stationary point, reached exactly.

References
----------
Bates D, Maechler M, Bolker B, Walker S (2015). Fitting linear mixed-effects models using lme4. Journal of Statistical
Software 67(1). doi:10.18637/jss.v067.i01
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.core.errors import InputError
from respine.inference.mixed.products import CrossProducts, Direction, Solution

MAX_STEPS = 200
ZERO = 1e-6
"""A relative standard deviation below this is zero."""
LARGEST = 1e5
"""A relative standard deviation above this means that the groups explain the outcome without remainder."""
STARTS = (1.0, 0.1)


def unpack_factors(theta: np.ndarray, widths: list[int]) -> list[np.ndarray]:
    """Arrange parameters as one lower triangular (C, C) factor a term, column by column."""
    factors, at = [], 0
    for width in widths:
        factor = np.zeros((width, width))
        columns, rows = np.triu_indices(width)
        factor[rows, columns] = theta[at : at + len(rows)]
        at += len(rows)
        factors.append(factor)
    return factors


def unit_factors(widths: list[int]) -> list[tuple[int, np.ndarray]]:
    """Give for every parameter its term and the change of the term's factor when it grows by one."""
    units = []
    for term, width in enumerate(widths):
        for column, row in zip(*np.triu_indices(width), strict=True):
            unit = np.zeros((width, width))
            unit[row, column] = 1.0
            units.append((term, unit))
    return units


@dataclass(frozen=True)
class Derivatives:
    """First and second derivatives by the K parameters.

    `log_*` are those of the log-determinant part of the deviance, `rss_*` those of the penalised residual sum of
    squares, `information` (K, P, P) minus the first derivatives of X'V^-1 X.
    """

    log_first: np.ndarray
    log_second: np.ndarray
    rss_first: np.ndarray
    rss_second: np.ndarray
    information: np.ndarray


class Point:
    """The model at one value of its parameters."""

    def __init__(self, products: CrossProducts, theta: np.ndarray, reml: bool) -> None:
        self.products, self.theta, self.reml = products, theta, reml
        self.factors = unpack_factors(theta, products.widths)
        self.solution = Solution(products, [t @ t.T for t in self.factors])
        gram = self.solution.gram
        self.n_fixed = len(gram) - 1
        self.free = products.n_rows - self.n_fixed if reml else products.n_rows
        self.unscaled = np.linalg.inv(gram[:-1, :-1])
        self.unscaled = (self.unscaled + self.unscaled.T) / 2
        self.coefficients = self.unscaled @ gram[:-1, -1]
        self.rss = float(gram[-1, -1] - gram[:-1, -1] @ self.coefficients)
        self.log_determinant = self.solution.log_determinant
        if reml:
            self.log_determinant += float(np.linalg.slogdet(gram[:-1, :-1])[1])
        # a residual that rounding has made negative lies beyond any optimum
        residual = np.log(2 * np.pi * self.rss / self.free) if self.rss > 0 else np.inf
        self.deviance = self.log_determinant + self.free * (1 + residual)

    def derive(self) -> Derivatives:
        """Differentiate the two parts of the deviance, twice."""
        units = unit_factors(self.products.widths)
        directions: list[Direction] = []
        for term, unit in units:
            half = unit @ self.factors[term].T
            directions.append((term, half + half.T))
        curved = [(i, j) for i in range(len(units)) for j in range(i + 1) if units[i][0] == units[j][0]]
        for i, j in curved:
            half = units[i][1] @ units[j][1].T
            directions.append((units[i][0], half + half.T))
        self.solution.take_residual(self.coefficients)
        forms = self.solution.forms(directions, len(units))
        self.solution.take_residual(-self.coefficients)
        p, k, phi = self.n_fixed, len(units), self.unscaled
        information = forms.outer[:, :p, :p]
        first = forms.traces - self.reml * np.einsum("ab,kab->k", phi, information)
        second = -forms.pair_traces[:k, :k]
        rss_second = np.zeros((k, k))
        for i in range(k):
            for j in range(k):
                pair = forms.pairs[i, j]
                if self.reml:
                    second[i, j] += 2 * np.sum(phi * pair[:p, :p].T)
                    second[i, j] -= np.trace(phi @ information[i] @ phi @ information[j])
                rss_second[i, j] = 2 * (pair[p, p] - forms.outer[i, p, :p] @ phi @ forms.outer[j, p, :p])
        for c, (i, j) in enumerate(curved, start=k):
            for a, b in {(i, j), (j, i)}:
                second[a, b] += first[c]
                rss_second[a, b] -= forms.outer[c, p, p]
        return Derivatives(first[:k], second, -forms.outer[:k, p, p], rss_second, information[:k])

    def profile(self, d: Derivatives) -> tuple[np.ndarray, np.ndarray]:
        """Give gradient and Hessian of the deviance with the residual variance at its best."""
        share = self.free / self.rss
        gradient = d.log_first + share * d.rss_first
        hessian = d.log_second + share * (d.rss_second - np.outer(d.rss_first, d.rss_first) / self.rss)
        return gradient, (hessian + hessian.T) / 2


def _leave_saddle(point: Point, along: np.ndarray) -> np.ndarray | None:
    """Find the best of some steps along a direction of negative curvature; None where none gains more than rounding."""
    steps = [size * along for size in (1.0, 0.3, 0.1, 0.03, 0.01)]
    trials = [Point(point.products, point.theta + step, point.reml).deviance for step in steps]
    best = int(np.argmin(trials))
    return steps[best] if trials[best] < point.deviance - 1e-10 * (1 + abs(point.deviance)) else None


def _descend(products: CrossProducts, theta: np.ndarray, reml: bool) -> Point | None:
    """Go downhill by Newton steps in which negative curvature counts as positive, until nothing can be gained."""
    point = Point(products, theta, reml)
    for _ in range(MAX_STEPS):
        gradient, hessian = point.profile(point.derive())
        values, vectors = np.linalg.eigh(hessian)
        along = vectors.T @ gradient
        step = -vectors @ (along / np.maximum(np.abs(values), 1e-8 * max(1.0, np.abs(values).max())))
        gain = -float(gradient @ step)
        if gain < 1e-13 * point.free and values[0] >= -1e-7 * point.free:
            return point
        if gain < 1e-11 * point.free and values[0] < -1e-7 * point.free:
            step = _leave_saddle(point, vectors[:, 0])
            if step is None:
                return point
        # near an inflection the step is too long to believe
        step *= min(1.0, (1 + np.linalg.norm(point.theta)) / max(np.linalg.norm(step), 1e-300))
        gain = max(0.0, -float(gradient @ step))
        noise = 1e-12 * (1 + abs(point.deviance))
        for _ in range(40):
            trial = Point(products, point.theta + step, reml)
            if trial.deviance <= point.deviance - 1e-4 * gain + noise:
                break
            step, gain = step / 2, gain / 2
        else:
            return point
        point = trial
        if np.abs(point.theta).max() > LARGEST:
            return point
    return None


def find_optimum(products: CrossProducts, reml: bool) -> Point:
    """Find the parameters of least deviance.

    Parameters
    ----------
    products : CrossProducts
        The data.
    reml : bool
        Restricted (True) or full likelihood.

    Returns
    -------
    Point
        The model at the optimum; factors have diagonals that are not negative, and zeros that are exact.

    Raises
    ------
    InputError
        No optimum was reached, or the groups explain the outcome without remainder.
    """
    eye = np.concatenate([np.eye(w)[np.triu_indices(w)] for w in products.widths])
    reached = [point for start in STARTS if (point := _descend(products, start * eye, reml)) is not None]
    if not reached:
        raise InputError(
            f"the likelihood reached no optimum in {MAX_STEPS} steps; the random terms leave too little residual in "
            f"{products.n_rows} rows: leave out random slopes or groups"
        )
    best = min(reached, key=lambda point: point.deviance)
    if np.abs(best.theta).max() > LARGEST or best.rss < 1e-14 * products.gram[-1, -1]:
        raise InputError(
            "the fixed terms and the groups explain the outcome without remainder: no residual variance is left to "
            "test against; is the outcome repeated within the smallest group?"
        )
    factors = []
    for factor in best.factors:
        clean = np.where(np.abs(factor) < ZERO, 0.0, factor)
        factors.append(clean * np.where(np.diag(clean) < 0, -1.0, 1.0))
    theta = np.concatenate([f.T[np.triu_indices(len(f))] for f in factors])
    return Point(products, theta, reml)
