"""Fit the occupancy model by penalised maximum likelihood."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from respine.inference.occupancy.bounds import OccupancyBounds, compute_bounds
from respine.inference.occupancy.fit import OccupancyFit
from respine.inference.occupancy.histories import Histories
from respine.inference.occupancy.likelihood import Likelihood
from respine.inference.occupancy.settings import OccupancySettings

_STEP = 1e-4
_NEWTON_STEPS = 8
_DECREMENT = 1e-9
_WIDEST = 10.0
"""No logarithmic rate and no log-odds is searched further than this from its start."""


def fit_occupancy(
    histories: Histories, settings: OccupancySettings | None = None, start: np.ndarray | None = None
) -> OccupancyFit | OccupancyBounds:
    """Fit the hidden-state occupancy model to the scorings of all sites.

    A site is not yet born, holds a spine, or is vacated. Spines are born at a rate per standing spine, vanish at a
    hazard, may return to a vacated site, are seen with the session's hit probability, and sites without a spine are
    called now and then. Sites seen in no session are no part of the data, so every history is taken given that it was
    seen: the number of potential sites needs no guess. With three sessions returns are not fitted, since nothing tells
    them from misses.

    Parameters
    ----------
    histories : Histories
        From `read_histories`.
    settings : OccupancySettings, optional
    start : ndarray, shape (P,), optional
        Where to begin, such as the parameters of a like fit; of no account where they are not as many.

    Returns
    -------
    OccupancyFit or OccupancyBounds
        Bounds, with the reason, where the data cannot tell misses from losses: fewer than three sessions and no site
        scored twice in a session. Both have `turnover`, `identified` and `reason`.

    References
    ----------
    MacKenzie et al. 2003, Ecology 84, 2200, doi:10.1890/02-3090 (dynamic occupancy); Schwarz & Arnason 1996,
    Biometrics 52, 860, doi:10.2307/2533048 (entry given being seen); Miller et al. 2011, Ecology 92, 1422,
    doi:10.1890/10-1396.1 (false calls).
    """
    settings = settings or OccupancySettings()
    if histories.n_sessions < 2 or (histories.n_sessions < 3 and histories.looks.max() < 2):
        return compute_bounds(histories, settings)
    likelihood = Likelihood(histories, settings)
    begin = start if start is not None and len(start) == len(likelihood.layout.start) else likelihood.layout.start
    reach = [(x - _WIDEST, x + _WIDEST) for x in likelihood.layout.start]
    found = minimize(
        likelihood.penalised,
        begin,
        jac=True,
        method="L-BFGS-B",
        bounds=reach,
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-11, "gtol": 1e-6, "maxcor": 20},
    )
    theta, information, converged = _polish(likelihood, found.x)
    swept = likelihood.sweep(theta)
    value = float(swept.value.sum())
    return OccupancyFit(
        likelihood, theta, information, swept.scores, value, value + likelihood.layout.log_prior(theta), converged
    )


def compute_information(likelihood: Likelihood, theta: np.ndarray) -> np.ndarray:
    """Return the second derivatives of minus the penalised log-likelihood: differences of the exact gradient."""
    steps = _STEP * np.eye(len(theta))
    rows = [(likelihood.penalised(theta + s)[1] - likelihood.penalised(theta - s)[1]) / (2 * _STEP) for s in steps]
    return (np.array(rows) + np.array(rows).T) / 2


def _polish(likelihood: Likelihood, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Newton steps from near the optimum; converged when one more would gain nothing."""
    value, gradient = likelihood.penalised(theta)
    for _ in range(_NEWTON_STEPS):
        information = compute_information(likelihood, theta)
        step = np.linalg.pinv(information, rcond=1e-10, hermitian=True) @ gradient
        decrement = float(step @ gradient)
        if 0 <= decrement < _DECREMENT:
            return theta, information, True
        new_value, new_gradient = likelihood.penalised(theta - step)
        if not new_value < value:
            break
        theta, value, gradient = theta - step, new_value, new_gradient
    return theta, compute_information(likelihood, theta), bool(np.abs(gradient).max() < 1e-2)
