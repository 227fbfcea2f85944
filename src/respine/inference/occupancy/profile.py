"""Intervals by profile likelihood: how far a rate can move before the best likelihood falls too low."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize

from respine.inference.occupancy.fit import MEASURES, OccupancyFit
from respine.inference.occupancy.kinetics import compute_kinetics, differentiate_kinetics
from respine.inference.occupancy.rows import Row, frame_rows

_PULL = 25.0
_TRIES = 25
_NEAR = 0.01
_SMALLEST = np.log(1e-6)


def profile_turnover(fit: OccupancyFit, level: float = 0.95) -> pd.DataFrame:
    """Return corrected formation and elimination per interval with profile-likelihood intervals.

    Sites are taken as independent; the priors take part. A limit that the likelihood does not give (a rate of zero is
    as good) is 0.

    Returns
    -------
    DataFrame
        The columns of `OccupancyFit.turnover`.
    """
    fall = stats.chi2.ppf(level, 1) / 2
    table = frame_rows(fit.rows)
    for measure in MEASURES:
        known: dict[bytes, tuple[float, float, float]] = {}
        limits = []
        for row in fit.rows:
            # rows that move alike with the parameters share their limits
            value, slope = fit.rate(measure, row)
            key = np.append(slope, value).round(12).tobytes()
            if key not in known:
                known[key] = _profile(fit, measure, row, fall)
            limits.append(known[key])
        table[measure], table[f"{measure}_low"], table[f"{measure}_high"] = map(list, zip(*limits, strict=True))
    return table.assign(reason=pd.Series([None] * len(table), dtype=object))


def _profile(fit: OccupancyFit, measure: str, row: Row, fall: float) -> tuple[float, float, float]:
    value, slope = fit.rate(measure, row)
    se = float(np.sqrt(slope @ fit.covariance @ slope)) / value
    return value, _limit(fit, measure, row, fall, -se), _limit(fit, measure, row, fall, se)


def _limit(fit: OccupancyFit, measure: str, row: Row, fall: float, se: float) -> float:
    """Follow the profile outwards until it has fallen by `fall`, then close in.

    A quadratic pull towards a target moves the optimum along the profile: wherever it comes to rest, no parameters of
    the same rate are better, so that the point lies on the profile whatever the target was.
    """
    centre = float(np.log(fit.rate(measure, row)[0]))
    inner, outer = (centre, 0.0), None
    theta, pull, wanted = fit.theta, _PULL / se**2, np.sqrt(fall)
    target = centre + 2 * se
    for _ in range(_TRIES):
        theta, place, lower = _pull_towards(fit, measure, row, theta, target, pull)
        if abs(lower - fall) < _NEAR * fall:
            break
        if lower > fall:
            outer = (target, np.sqrt(lower))
        elif place < _SMALLEST:
            return 0.0
        else:
            inner = (target, np.sqrt(max(lower, 0.0)))
        # the root of the fall is nearly straight
        if outer is None:
            target += se
        else:
            target = inner[0] + (outer[0] - inner[0]) * (wanted - inner[1]) / (outer[1] - inner[1])
    return float(np.exp(place))


def _pull_towards(fit, measure, row, theta, target, pull):
    rates, n = fit.likelihood.layout.rates, fit.likelihood.layout.n_rates

    def place_of(x: np.ndarray) -> float:
        return float(np.log(getattr(compute_kinetics(x[None, :n], rates), measure)[0, row.g, row.k]))

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = fit.likelihood.penalised(x)
        log_rate = place_of(x)
        by = getattr(differentiate_kinetics(x[:n], rates), measure)[:, row.g, row.k] / np.exp(log_rate)
        gradient = gradient.copy()
        gradient[:n] += pull * (log_rate - target) * by
        return value + pull / 2 * (log_rate - target) ** 2, gradient

    # in steps of one standard error along the axes of what is minimised, where it is round
    value, slope = fit.rate(measure, row)
    values, vectors = np.linalg.eigh(np.linalg.inv(fit.covariance) + pull * np.outer(slope, slope) / value**2)
    turn = vectors / np.sqrt(values)

    def rounded(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(theta + turn @ z)
        return value, turn.T @ gradient

    found = minimize(rounded, np.zeros(len(theta)), jac=True, method="L-BFGS-B", options={"ftol": 1e-12, "gtol": 1e-5})
    best = theta + turn @ found.x
    return best, place_of(best), fit.likelihood.penalised(best)[0] + fit.log_penalised
