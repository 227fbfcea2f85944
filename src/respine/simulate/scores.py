"""Behavioural scores: they follow coordination, and some need the new spines to stay recovered.

A score lies between 0 and its bound (`bounded`). Its mean moves from `control` to `stressed` as coordination is lost,
and its deviation is partly the own one of the animal (reliability).
"""

from __future__ import annotations

import numpy as np

from respine.simulate.anatomy import Animals
from respine.simulate.bounded import EDGE, bounded_scores
from respine.simulate.coordination import Coordination, recovery
from respine.simulate.settings import StudySettings
from respine.simulate.settings_function import ScoreSettings


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
    return np.clip(mean, EDGE * how.largest, (1 - EDGE) * how.largest)


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
    z = np.sqrt(how.reliability) * trait + np.sqrt(1 - how.reliability) * rng.standard_normal(lost.shape)
    scores = np.full(coordination.value.shape, np.nan)
    scores[:, tested] = how.largest * bounded_scores(mean, how.sd / how.largest, z)
    return scores
