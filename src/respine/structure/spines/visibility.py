"""From evidence to a call: the probability that a site shows a spine in one session's own image.

A first, classical version. The log-odds are linear in what the session's image shows at the site (the logarithm of its
evidence, whether the session proposed the site by itself, how far from the shaft it lies) and in the mean evidence of
the other sessions, which says whether the place is one where spines stand, not whether one stands there now. The
weights come from a logistic regression on annotated candidates, which `benchmarks/fit_visibility.py` repeats.
"""

from __future__ import annotations

import numpy as np

from respine.core.settings import StageSettings
from respine.structure.spines.sites import Sites

_EVIDENCE_RANGE = (0.5, 60.0)
_WITHOUT_OTHERS = 4.0  # evidence at which another session would argue neither way


class VisibilitySettings(StageSettings):
    """How evidence becomes a probability, and a probability a call."""

    intercept: float = -7.41
    """Log-odds where all terms are zero."""
    log_snr: float = 1.07
    """Weight of the logarithm of the session's own evidence."""
    proposed: float = 1.58
    """Weight of the session having proposed the site by itself."""
    log_snr_others: float = 0.4
    """Weight of the logarithm of the mean evidence of the other sessions."""
    distance_per_um: float = 4.19
    """Weight of the head's distance from the axis of the shaft."""
    distance_squared_per_um2: float = -1.48
    """Weight of the square of that distance."""
    min_probability: float = 0.4
    """Least probability at which a site is called visible; below one half, since a miss is as bad as a false call."""


def compute_visibility(sites: Sites, settings: VisibilitySettings = VisibilitySettings()) -> np.ndarray:  # noqa: B008
    """Probability that each site is visible in each session.

    Returns
    -------
    ndarray, shape (K, S)
        NaN where the session cannot show the site.
    """
    weights = (
        settings.intercept,
        settings.log_snr,
        settings.proposed,
        settings.log_snr_others,
        settings.distance_per_um,
        settings.distance_squared_per_um2,
    )
    return 1.0 / (1.0 + np.exp(-(visibility_terms(sites) @ weights)))


def visibility_terms(sites: Sites) -> np.ndarray:
    """What the log-odds are linear in, shape (K, S, 6), in the order of the settings; NaN where nothing is shown."""
    distance = np.abs(sites.lateral_um)
    terms = (
        np.ones_like(sites.snr),
        _log_evidence(sites.snr),
        sites.proposed,
        _log_evidence(_mean_of_others(sites.snr)),
        distance,
        distance**2,
    )
    return np.stack(terms, axis=-1)


def _log_evidence(snr: np.ndarray) -> np.ndarray:
    return np.log(np.clip(snr, *_EVIDENCE_RANGE))


def _mean_of_others(snr: np.ndarray) -> np.ndarray:
    """Mean over the other sessions that can show the site, shape (K, S)."""
    known = np.isfinite(snr)
    values = np.where(known, snr, 0.0)
    total = values.sum(axis=1, keepdims=True) - values
    count = known.sum(axis=1, keepdims=True) - known
    return np.where(count > 0, total / np.maximum(count, 1), _WITHOUT_OTHERS)
