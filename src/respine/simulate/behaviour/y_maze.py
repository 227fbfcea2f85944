"""Spontaneous alternation in a Y-maze: which arms a mouse enters, and when.

An entry always leads into another arm than the one before. Given the last two arms, the next is either the third (an
alternation) or the one before the last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from respine.core.errors import InputError
from respine.simulate.settings_checked import CheckedSettings

ARMS = ("A", "B", "C")


class YMazeSettings(CheckedSettings):
    """A walk through a Y-maze, and the camera above it."""

    duration_s: float = Field(480.0, gt=0)
    """Length of the test, s."""
    stay_log_sd: float = Field(0.6, ge=0, le=2)
    """Spread of the time spent in an arm (standard deviation of the logarithm)."""
    crossing_s: float = Field(1.0, gt=0)
    """Mean time from leaving an arm to entering the next, s, at most a third of the time between entries."""
    write_pose: bool = True
    """Whether a pose file is made besides the table of entries."""
    frame_rate_hz: float = Field(15.0, gt=0, le=120)
    """Frames a second of the pose file, Hz."""
    arm_cm: float = Field(35.0, gt=5)
    """Length of an arm from the centre, cm."""
    entry_cm: float = Field(6.0, gt=0)
    """Distance from the centre at which all four paws are in an arm, cm."""
    px_per_cm: float = Field(6.0, gt=0)
    """Pixels of the camera in a centimetre."""
    jitter_px: float = Field(1.2, ge=0)
    """Error of a tracked point (standard deviation), pixels."""
    loss_per_min: float = Field(2.0, ge=0)
    """Times that the tracking of a point is lost, per minute."""
    loss_s: float = Field(0.3, gt=0)
    """Mean length of such a loss, s."""


Y_MAZE_SIZES = {"full": YMazeSettings(), "small": YMazeSettings(frame_rate_hz=5.0)}


@dataclass(frozen=True, eq=False)
class Entries:
    """The arms a mouse enters.

    Parameters
    ----------
    arm : ndarray of int, shape (N,)
        Index into ARMS.
    enter_s, leave_s : ndarray, shape (N,)
        Times at which it enters and leaves them, s.
    """

    arm: np.ndarray
    enter_s: np.ndarray
    leave_s: np.ndarray

    @property
    def alternation(self) -> float:
        """Share of triads of three different arms among all triads; NaN with fewer than three entries."""
        if len(self.arm) < 3:
            return float("nan")
        return float((self.arm[2:] != self.arm[:-2]).mean())


def simulate_entries(
    alternation: float, entries: int, settings: YMazeSettings, rng: np.random.Generator, exact: bool = True
) -> Entries:
    """Draw one walk.

    Parameters
    ----------
    alternation : float
        Share of alternations, 0 to 1.
    entries : int
        Number of entries, at least 1.
    exact : bool
        True: this very walk has the share, to within one triad. False: each triad alternates with this probability.

    Raises
    ------
    InputError
        The share or the number of entries is impossible.
    """
    if not 0 <= alternation <= 1:
        raise InputError(f"Y-maze: alternation must lie between 0 and 1; found {alternation:g}")
    if entries < 1:
        raise InputError(f"Y-maze: entries must be at least 1; found {entries}")
    triads = max(entries - 2, 0)
    if exact:
        alternates = rng.permutation(np.arange(triads) < np.floor(alternation * triads + 0.5))
    else:
        alternates = rng.random(triads) < alternation
    arm = np.zeros(entries, int)
    arm[:2] = rng.permutation(3)[: min(entries, 2)]
    for n in range(2, entries):
        arm[n] = 3 - arm[n - 1] - arm[n - 2] if alternates[n - 2] else arm[n - 2]
    share = np.exp(settings.stay_log_sd * rng.standard_normal(entries))
    crossing = min(settings.crossing_s, settings.duration_s / (3 * entries))
    crossings = crossing * rng.uniform(0.5, 1.5, entries)
    stay = share / share.sum() * (settings.duration_s - crossings.sum())
    enter = np.cumsum(crossings) + np.concatenate([[0], np.cumsum(stay)[:-1]])
    return Entries(arm, enter, enter + stay)
