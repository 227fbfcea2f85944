"""When and where spines are born: a Poisson process whose rate stress lowers and ketamine raises, later.

The rate of a dendrite, per day, is

    b speed N0 m(t),    m(t) = stress(t) (1 + (gain - 1) drive K(t)),

with N0 its first number of spines, stress(t) the multiplier of the stress period that recovers after it, and K(t) the
time course of the slow effect. Restored spines come on top: see `restoration`.
"""

from __future__ import annotations

import numpy as np

from respine.simulate.anatomy import Animals, Dendrites, Sites, draw_azimuth_deg
from respine.simulate.lifetimes import birth_rate_per_day
from respine.simulate.settings import StudySettings
from respine.simulate.settings_effects import KetamineSettings

HOURS_PER_DAY = 24.0
_REDRAWS = 3


def slow_effect(time_h: np.ndarray, settings: KetamineSettings) -> np.ndarray:
    """Return K(t), the slow effect on the birth rate relative to its peak."""
    times = settings.slow_time_h
    rise = np.interp(time_h, times, settings.slow_effect, left=0.0)
    late = np.maximum(np.asarray(time_h) - times[-1], 0.0) / (settings.slow_decay_days * HOURS_PER_DAY)
    return rise * np.exp(-late)


def stress_level(time_h: np.ndarray, settings: StudySettings) -> np.ndarray:
    """Return 1 while stress acts, 0 before it, and what is left of its aftermath after it."""
    time_h = np.asarray(time_h, float)
    after = np.exp(-np.maximum(time_h, 0.0) / (settings.stress.recovery_days * HOURS_PER_DAY))
    return np.where(time_h > settings.stress.start_h, after, 0.0)


def birth_multiplier(
    time_h: np.ndarray, stressed: np.ndarray, slow_drive: np.ndarray, settings: StudySettings
) -> np.ndarray:
    """Return m(t), the birth rate relative to that without stress and drug."""
    stress = 1 - (1 - settings.stress.birth_multiplier) * stress_level(time_h, settings) * stressed
    gain = 1 + (settings.ketamine.birth_gain - 1) * slow_drive * slow_effect(time_h, settings.ketamine)
    return stress * np.maximum(gain, 0.0)


def draw_births(
    animals: Animals, dendrites: Dendrites, settings: StudySettings, rng: np.random.Generator
) -> tuple[Sites, np.ndarray]:
    """Draw the births between the first and the last session, without those that restore a lost site.

    Returns
    -------
    sites : Sites
    birth_h : ndarray, shape (S,)
    """
    start_h, end_h = settings.time_h[0], settings.time_h[-1]
    days = (end_h - start_h) / HOURS_PER_DAY
    # Thinning: candidates at the largest rate that the animal ever has, each kept with its share of it.
    largest = np.maximum(1.0, settings.stress.birth_multiplier) * np.maximum(
        1.0, 1 + (settings.ketamine.birth_gain - 1) * animals.slow_drive
    )
    rate = birth_rate_per_day(settings.turnover) * animals.speed * largest
    count = rng.poisson(rate[dendrites.subject] * dendrites.first_spines * days)
    dendrite = np.repeat(np.arange(len(count)), count)
    birth_h = rng.uniform(start_h, end_h, len(dendrite))
    subject = dendrites.subject[dendrite]
    share = birth_multiplier(birth_h, animals.stressed[subject], animals.slow_drive[subject], settings)
    kept = rng.random(len(dendrite)) * largest[subject] < share
    dendrite, birth_h = dendrite[kept], birth_h[kept]
    position = rng.uniform(0, dendrites.length_um, len(dendrite))
    axial = rng.random(len(dendrite)) < settings.anatomy.axial_fraction
    azimuth = draw_azimuth_deg(axial, settings.anatomy.axial_fraction, rng)
    return Sites(dendrite, position, azimuth), birth_h


def keep_apart(born: Sites, standing: Sites, length_um: float, gap_um: float, rng: np.random.Generator) -> Sites:
    """Move births that would stand within the gap of an older site of their dendrite; a few rounds, then leave them."""
    position = born.position_um.copy()
    # One axis for all dendrites, far enough apart that no two interfere; nothing stands at its ends.
    stride = length_um + 2 * gap_um + 1.0
    taken = np.sort(standing.dendrite * stride + standing.position_um)
    taken = np.concatenate([[-np.inf], taken, [np.inf]])
    close = np.arange(len(position))
    for redraw in range(_REDRAWS + 1):
        at = born.dendrite[close] * stride + position[close]
        after = np.searchsorted(taken, at)
        close = close[(taken[after] - at < gap_um) | (at - taken[after - 1] < gap_um)]
        if redraw < _REDRAWS:
            position[close] = rng.uniform(0, length_um, len(close))
    return Sites(born.dendrite, position, born.azimuth_deg)
