"""Head diameters and protrusions: log-normal, fluctuating with persistence, smaller at birth.

The logarithmic diameter of a spine is

    log d(t) = class mean + sd z(t) + log(new_ratio) exp(-age / maturation),

with z a stationary Gauss-Markov process of unit variance.
"""

from __future__ import annotations

import numpy as np

from respine.simulate.births import HOURS_PER_DAY
from respine.simulate.settings_structure import SizeSettings


def class_log_diameters(settings: SizeSettings) -> np.ndarray:
    """Return the mean logarithmic diameter of each class, shape (4,), such that the mean diameter is as set."""
    ratio = np.array(settings.class_diameter_ratios)
    scale = settings.head_diameter_um / (np.array(settings.class_fractions) @ ratio)
    return np.log(scale * ratio) - settings.head_log_sd**2 / 2


def log_diameter_moments(settings: SizeSettings) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithmic diameter over all mature spines."""
    fraction, mean = np.array(settings.class_fractions), class_log_diameters(settings)
    centre = float(fraction @ mean)
    return centre, float(np.sqrt(fraction @ (mean - centre) ** 2 + settings.head_log_sd**2))


def draw_classes(count: int, settings: SizeSettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the class of each spine, an index into SPINE_CLASSES, shape (S,)."""
    return np.searchsorted(np.cumsum(settings.class_fractions)[:-1], rng.random(count), side="right")


def draw_persistent(count: int, time_h: np.ndarray, persistence_days: float, rng: np.random.Generator) -> np.ndarray:
    """Draw stationary Gauss-Markov processes of unit variance at the times of T sessions, shape (T, S)."""
    values = rng.standard_normal((len(time_h), count), dtype=np.float32)
    keep = np.exp(-np.diff(time_h) / (persistence_days * HOURS_PER_DAY)).astype(np.float32)
    for i, share in enumerate(keep, start=1):
        values[i] = share * values[i - 1] + np.sqrt(1 - share**2) * values[i]
    return values


def log_diameters(
    spine_class: np.ndarray, birth_h: np.ndarray, z: np.ndarray, time_h: np.ndarray, settings: SizeSettings
) -> np.ndarray:
    """Return the logarithmic diameter of every spine in every session, shape (T, S); before birth, that at birth."""
    mean = class_log_diameters(settings)[spine_class].astype(np.float32)
    result = np.float32(settings.head_log_sd) * z + mean
    # Only spines younger than seven maturation times in the first session still differ from mature ones.
    scale_h = settings.maturation_days * HOURS_PER_DAY
    young = np.flatnonzero(birth_h > time_h[0] - 7 * scale_h)
    age = np.maximum(np.asarray(time_h)[:, None] - birth_h[young], 0.0) / scale_h
    result[:, young] += np.float32(np.log(settings.new_ratio)) * np.exp(-age.astype(np.float32))
    return result


def draw_protrusions_um(
    spine_class: np.ndarray, time_h: np.ndarray, settings: SizeSettings, rng: np.random.Generator
) -> np.ndarray:
    """Draw the protrusion from the shaft's edge of every spine in every session, shape (T, S), um."""
    own, slow = settings.protrusion_log_sd, settings.protrusion_fluctuation_log_sd
    mean = np.log(np.array(settings.class_protrusions_um)) - (own**2 + slow**2) / 2
    trait = mean[spine_class] + own * rng.standard_normal(len(spine_class))
    return np.exp(trait + slow * draw_persistent(len(spine_class), time_h, settings.persistence_days, rng))
