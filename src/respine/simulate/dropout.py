"""Animals that leave the study, by chance or because they fare badly."""

from __future__ import annotations

import numpy as np

from respine.simulate.settings import StudySettings

_HOURS_PER_WEEK = 168.0


def draw_dropout_h(lost_coordination: np.ndarray, settings: StudySettings, rng: np.random.Generator) -> np.ndarray:
    """Draw when each animal drops out, h; infinite for those that stay to the end, shape (M,).

    The hazard between two sessions is constant, with the coordination lost at the first of the two.

    Parameters
    ----------
    lost_coordination : ndarray, shape (M, T)
        1 less the coordination.
    """
    how = settings.dropout
    time_h = np.array(settings.time_h)
    hazard = how.per_week / _HOURS_PER_WEEK * np.exp(how.log_hazard_per_deficit * lost_coordination[:, :-1])
    used = np.cumsum(hazard * np.diff(time_h), axis=1)
    threshold = rng.standard_exponential(len(used))[:, None]
    gone = used > threshold
    dropped = gone.any(axis=1)
    interval = np.argmax(gone, axis=1)
    rows = np.arange(len(used))
    result = np.full(len(used), np.inf)
    over = (used[rows, interval] - threshold[:, 0])[dropped] / hazard[rows, interval][dropped]
    result[dropped] = time_h[interval[dropped] + 1] - over
    return result


def log_fading(dropout_h: np.ndarray, settings: StudySettings) -> np.ndarray:
    """Return the logarithmic brightness that images lose before their animal drops out, shape (M, T)."""
    how = settings.dropout
    if how.dimming_days == 0:
        return np.zeros((len(dropout_h), len(settings.sessions)))
    left_h = dropout_h[:, None] - np.array(settings.time_h)
    share = np.clip(1 - left_h / (how.dimming_days * 24.0), 0.0, 1.0)
    return np.log(how.dimming_factor) * share
