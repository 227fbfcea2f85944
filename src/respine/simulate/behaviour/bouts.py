"""Struggling bouts of a suspended mouse: a two-state semi-Markov process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from respine.core.errors import InputError
from respine.simulate.settings_checked import CheckedSettings


class BoutSettings(CheckedSettings):
    """How long a suspended mouse struggles and hangs still at a time, and how often it climbs its tail."""

    struggle_median_s: float = Field(3.0, gt=0)
    """Median length of a struggling bout, s."""
    struggle_log_sd: float = Field(1.1, ge=0, le=2)
    """Standard deviation of the logarithm of a bout's length."""
    immobile_log_sd: float = Field(0.8, ge=0, le=2)
    """Standard deviation of the logarithm of the time between two bouts."""
    climb_probability: float = Field(0.05, ge=0, le=1)
    """Share of the bouts longer than `climb_min_s` in which the mouse climbs its tail."""
    climb_min_s: float = Field(2.0, ge=0)
    """Bouts shorter than this hold no climb, s."""
    climb_share: float = Field(0.6, gt=0, le=1)
    """Share of such a bout, around its middle, spent on the tail."""


@dataclass(frozen=True, eq=False)
class Bouts:
    """Struggling bouts of one suspension.

    Parameters
    ----------
    start_s, stop_s : ndarray, shape (B,)
        Start and end of the bouts, in order and apart, s.
    climbing : ndarray of bool, shape (B,)
        Bouts in which the mouse climbs its tail.
    climb_share : float
        Share of such a bout, around its middle, spent on the tail.
    duration_s : float
        Length of the suspension, s.
    """

    start_s: np.ndarray
    stop_s: np.ndarray
    climbing: np.ndarray
    duration_s: float
    climb_share: float = 0.6

    def __post_init__(self) -> None:
        edges = np.stack([self.start_s, self.stop_s], axis=1).ravel()
        if len(edges) and (edges[0] < 0 or edges[-1] > self.duration_s + 1e-9 or (np.diff(edges) < 0).any()):
            raise InputError(f"bouts: must be in order, apart, and inside 0 to {self.duration_s:g} s")

    @property
    def immobile_s(self) -> float:
        """Seconds without struggling."""
        return float(self.duration_s - (self.stop_s - self.start_s).sum())

    def until(self, duration_s: float) -> Bouts:
        """Return the bouts of the first part of the suspension; one that runs on is cut off and holds no climb."""
        begun = self.start_s < duration_s
        stop = np.minimum(self.stop_s[begun], duration_s)
        climbing = self.climbing[begun] & (self.stop_s[begun] <= duration_s)
        return Bouts(self.start_s[begun], stop, climbing, float(duration_s), self.climb_share)

    def is_struggling(self, times_s: np.ndarray) -> np.ndarray:
        """Return whether the mouse struggles at these times, shape (T,)."""
        return _within(times_s, self.start_s, self.stop_s)

    def is_climbing(self, times_s: np.ndarray) -> np.ndarray:
        """Return whether the mouse is on its tail at these times, shape (T,)."""
        start, stop = self.climbs_s
        return _within(times_s, start, stop)

    @property
    def climbs_s(self) -> tuple[np.ndarray, np.ndarray]:
        """Start and end of the climbs, two arrays, s."""
        start, stop = self.start_s[self.climbing], self.stop_s[self.climbing]
        spare = (stop - start) * (1 - self.climb_share) / 2
        return start + spare, stop - spare


def _within(times_s: np.ndarray, start_s: np.ndarray, stop_s: np.ndarray) -> np.ndarray:
    times = np.asarray(times_s, float)
    return np.searchsorted(start_s, times, "right") > np.searchsorted(stop_s, times, "right")


def mean_immobile_s(immobile_fraction: float, settings: BoutSettings) -> float:
    """Return the mean time between two bouts that makes this the long-run immobile fraction, s.

    The fraction of an alternating renewal process is the mean of the one state over the sum of both means.
    """
    mean_struggle = settings.struggle_median_s * np.exp(settings.struggle_log_sd**2 / 2)
    return float(mean_struggle * immobile_fraction / (1 - immobile_fraction))


def simulate_bouts(
    immobile_fraction: float,
    duration_s: float,
    settings: BoutSettings,
    rng: np.random.Generator,
    exact: bool = True,
) -> Bouts:
    """Draw the struggling bouts of one suspension, which begins with a bout.

    Parameters
    ----------
    immobile_fraction : float
        Share of the time without struggling, above 0 and below 1.
    duration_s : float
        Length of the suspension, s.
    exact : bool
        True: the bouts, and the times between them, are stretched so that this very suspension has this immobile
        fraction. False: the process runs freely and has it in the long run only.

    Raises
    ------
    InputError
        The fraction or the duration is impossible.
    """
    if not 0 < immobile_fraction < 1:
        raise InputError(f"bouts: immobile_fraction must be above 0 and below 1; found {immobile_fraction:g}")
    if not duration_s > 0:
        raise InputError(f"bouts: duration_s must be above 0; found {duration_s:g}")
    mean_immobile = mean_immobile_s(immobile_fraction, settings)
    immobile_median = mean_immobile * np.exp(-(settings.immobile_log_sd**2) / 2)
    lengths = np.zeros(0)
    while lengths.sum() < duration_s:
        count = 8 + int(duration_s / mean_immobile)
        struggle = settings.struggle_median_s * np.exp(settings.struggle_log_sd * rng.standard_normal(count))
        immobile = immobile_median * np.exp(settings.immobile_log_sd * rng.standard_normal(count))
        lengths = np.concatenate([lengths, np.stack([struggle, immobile], axis=1).ravel()])
    edges = np.minimum(np.cumsum(lengths), duration_s)
    lengths = np.diff(edges[: np.searchsorted(edges, duration_s) + 1], prepend=0.0)
    if exact:
        lengths = _stretch(lengths, immobile_fraction, duration_s)
    edges = np.minimum(np.concatenate([[0.0], np.cumsum(lengths)]), duration_s)
    start = edges[:-1:2]
    stop = edges[1::2]
    long_enough = stop - start >= settings.climb_min_s
    climbing = (rng.random(len(start)) < settings.climb_probability) & long_enough
    return Bouts(start, stop, climbing, float(duration_s), settings.climb_share)


def _stretch(lengths: np.ndarray, immobile_fraction: float, duration_s: float) -> np.ndarray:
    """Scale the bouts, and the times between them, to their shares of the suspension."""
    if len(lengths) == 1:
        lengths = np.repeat(lengths, 2)
    scaled = lengths.copy()
    scaled[0::2] *= (1 - immobile_fraction) * duration_s / lengths[0::2].sum()
    scaled[1::2] *= immobile_fraction * duration_s / lengths[1::2].sum()
    return scaled
