"""How spines are seen: hits that depend on size and on the session's brightness, misses, and false calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from respine.simulate.settings import StudySettings
from respine.simulate.settings_structure import DetectionSettings

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_WIDEST = 60.0


@dataclass(frozen=True, eq=False)
class FalseCalls:
    """Calls where no spine is, arrays of shape (F,): dendrite, session, position along the dendrite in um."""

    dendrite: np.ndarray
    session: np.ndarray
    position_um: np.ndarray


@lru_cache(maxsize=64)
def hit_intercept(settings: DetectionSettings) -> float:
    """Return the log-odds of a hit at average size and brightness that give the wanted mean probability."""
    if settings.hit_mean == 1.0:
        return _WIDEST
    spread = np.hypot(settings.hit_size_slope, settings.hit_brightness_slope * settings.brightness_log_sd)

    def excess(intercept: float) -> float:
        return float(_WEIGHTS @ expit(intercept + spread * _NODES)) - settings.hit_mean

    centre = float(logit(settings.hit_mean))
    return float(brentq(excess, centre - _WIDEST, centre + _WIDEST))


def hit_log_odds(size_z: np.ndarray, log_brightness: np.ndarray, settings: DetectionSettings) -> np.ndarray:
    """Return the log-odds that a standing spine is seen.

    Parameters
    ----------
    size_z : ndarray
        Logarithmic diameter in standard deviations from the mean of all spines.
    log_brightness : ndarray
        Logarithmic brightness of the session; 0 is ordinary.
    """
    shift = settings.hit_size_slope * size_z + settings.hit_brightness_slope * log_brightness
    return hit_intercept(settings) + shift


def draw_log_brightness(settings: StudySettings, n_subjects: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the logarithmic brightness of every animal in every session, shape (M, T)."""
    detection = settings.detection
    brightness = detection.brightness_log_sd * rng.standard_normal((n_subjects, len(settings.sessions)))
    dim = [s.name == detection.dim_session for s in settings.sessions]
    return brightness + np.log(detection.dim_factor) * np.array(dim)


def draw_false_calls(shown: np.ndarray, length_um: float, rate: float, rng: np.random.Generator) -> FalseCalls:
    """Draw false calls: a Poisson number for every dendrite and session, anywhere along it.

    Parameters
    ----------
    shown : ndarray of int, shape (D, T)
        Standing spines that an image can show.
    length_um : float
    rate : float
        False calls per such spine.
    """
    count = rng.poisson(rate * shown)
    dendrite, session = np.nonzero(count)
    repeats = count[dendrite, session]
    dendrite, session = np.repeat(dendrite, repeats), np.repeat(session, repeats)
    return FalseCalls(dendrite, session, rng.uniform(0, length_um, len(dendrite)))
