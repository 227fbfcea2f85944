"""Behavioural scores: they follow coordination, and some need the new spines to stay recovered.

A score is a Beta number between 0 and its bound, whose mean moves from `control` to `stressed` with the coordination
lost, and whose quantile is partly the animal's own (reliability).
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, ndtr

from respine.simulate.anatomy import Animals
from respine.simulate.coordination import Coordination, recovery
from respine.simulate.settings import StudySettings
from respine.simulate.settings_function import ScoreSettings

_EDGE = 0.02


def expected_score(lost_coordination: np.ndarray, retests: np.ndarray, how: ScoreSettings, scale: float) -> np.ndarray:
    """Return the mean score where this much coordination is lost.

    Parameters
    ----------
    lost_coordination : ndarray
        1 less the coordination that this score follows.
    retests : ndarray of bool
        Tests after an animal's first.
    scale : float
        Coordination lost at which the score takes its `stressed` mean.
    """
    mean = how.control + (how.stressed - how.control) * lost_coordination / scale + how.retest_shift * retests
    return np.clip(mean, _EDGE * how.largest, (1 - _EDGE) * how.largest)


def draw_scores(
    coordination: Coordination,
    animals: Animals,
    how: ScoreSettings,
    settings: StudySettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw one score of every animal in every session, shape (M, T); missing where behaviour is not planned."""
    tested = np.flatnonzero([s.behaviour for s in settings.sessions])
    back = recovery(coordination, how.maintenance_needs_spines, animals, settings)
    lost = (coordination.deficit * (1 - back) - coordination.noise)[:, tested]
    retests = np.arange(len(tested)) > 0
    mean = expected_score(lost, retests, how, 1 - settings.behaviour.stressed_coordination) / how.largest
    trait = rng.standard_normal((len(lost), 1))
    quantile = np.sqrt(how.reliability) * trait + np.sqrt(1 - how.reliability) * rng.standard_normal(lost.shape)
    spread = np.minimum((how.sd / how.largest) ** 2, 0.9 * mean * (1 - mean))
    total = mean * (1 - mean) / spread - 1
    scores = np.full(coordination.value.shape, np.nan)
    scores[:, tested] = how.largest * betaincinv(mean * total, (1 - mean) * total, ndtr(quantile))
    return scores
