"""How the tissue moves under the microscope: jitter, slow drift, bending, and jolts while the mouse struggles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.signal import lfilter

from respine.simulate.behaviour.bouts import Bouts
from respine.simulate.settings_checked import CheckedSettings

MODES = 4


class MotionSettings(CheckedSettings):
    """Amplitudes (standard deviation along each axis) and times of the motion."""

    jitter_um: float = Field(0.4, ge=0)
    """Fast motion at rest, um."""
    jitter_time_s: float = Field(0.25, gt=0)
    """Time over which the fast motion forgets, s."""
    drift_um: float = Field(1.5, ge=0)
    """Slow drift, um."""
    drift_time_s: float = Field(120.0, gt=0)
    """Time over which the drift forgets, s."""
    struggle_um: float = Field(2.0, ge=0)
    """Fast motion while the mouse struggles, um."""
    onset_gain: float = Field(1.5, ge=0)
    """How much stronger the motion is at the onset of a bout, on top of 1."""
    onset_time_s: float = Field(0.7, gt=0)
    """Time in which that excess fades, s."""
    nonrigid_share: float = Field(0.3, ge=0, le=1)
    """Bending at the rim of the field, relative to the fast motion."""
    z_jitter_um: float = Field(0.4, ge=0)
    """Fast motion along the axis at rest, um."""
    z_drift_um: float = Field(0.8, ge=0)
    """Slow drift along the axis, um."""
    z_struggle_um: float = Field(2.0, ge=0)
    """Fast motion along the axis while the mouse struggles, um."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Displacement of the tissue in T frames, um: a pixel at p shows the tissue whose place at rest is p - d(p).

    A frame is scanned row by row, so the shift runs linearly from its first to its last row. At height v and width
    u of the image, both from -1 to 1, the bending adds its four modes u, v, uv, cos(pi v).

    Parameters
    ----------
    edge_um : ndarray, shape (T + 1, 2)
        Shift (y, x) at the start of every frame, and at the end of the last.
    bend_um : ndarray, shape (T, 2, 4)
        Coefficients (y, x) of the modes.
    z_um : ndarray, shape (T,)
        Displacement along the axis.
    """

    edge_um: np.ndarray
    bend_um: np.ndarray
    z_um: np.ndarray

    @property
    def shift_um(self) -> np.ndarray:
        """Shift (y, x) in the middle of every frame, without the bending, shape (T, 2)."""
        return (self.edge_um[:-1] + self.edge_um[1:]) / 2

    @property
    def largest_um(self) -> float:
        """Bound of the displacement anywhere in the image."""
        return float(np.abs(self.edge_um).max() + np.abs(self.bend_um).sum(axis=2).max())

    def displacement_um(self, frame: int, v: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the displacement (y, x) at places of one frame, shape (N, 2)."""
        late = ((v + 1) / 2)[:, None]
        modes = np.stack([u, v, u * v, np.cos(np.pi * v)], axis=1)
        shift = (1 - late) * self.edge_um[frame] + late * self.edge_um[frame + 1]
        return shift + modes @ self.bend_um[frame].T


def simulate_motion(
    frame_time_s: np.ndarray, bouts: Bouts | None, settings: MotionSettings, rng: np.random.Generator
) -> Motion:
    """Draw the motion of a recording.

    Parameters
    ----------
    frame_time_s : ndarray, shape (T,)
        Start of every frame, evenly spaced, s.
    bouts : Bouts or None
        Struggling during the recording, to which the strong motion is locked.
    """
    frames = len(frame_time_s)
    interval = float(frame_time_s[1] - frame_time_s[0]) if frames > 1 else 0.1
    times = np.append(frame_time_s, frame_time_s[-1] + interval)
    effort = struggle_effort(times, bouts, settings)
    fast = _process(frames + 1, 3 + 2 * MODES, interval / settings.jitter_time_s, rng)
    slow = _process(frames + 1, 3, interval / settings.drift_time_s, rng)
    lateral = np.hypot(settings.jitter_um, settings.struggle_um * effort)[:, None]
    axial = np.hypot(settings.z_jitter_um, settings.z_struggle_um * effort)
    edge = settings.drift_um * slow[:, 1:] + lateral * fast[:, 1:3]
    bend = settings.nonrigid_share / np.sqrt(MODES) * lateral * fast[:, 3:]
    z_um = settings.z_drift_um * slow[:, 0] + axial * fast[:, 0]
    return Motion(edge, bend[:-1].reshape(frames, 2, MODES), (z_um[:-1] + z_um[1:]) / 2)


def struggle_effort(times_s: np.ndarray, bouts: Bouts | None, settings: MotionSettings) -> np.ndarray:
    """Return how strongly struggling moves the tissue: 0 at rest, 1 late in a bout, more at its onset, shape (T,)."""
    if bouts is None or len(bouts.start_s) == 0:
        return np.zeros(len(times_s))
    bout = np.maximum(np.searchsorted(bouts.start_s, times_s, "right") - 1, 0)
    since = np.maximum(times_s - bouts.start_s[bout], 0)
    strength = 1 + settings.onset_gain * np.exp(-since / settings.onset_time_s)
    return np.where(bouts.is_struggling(times_s), strength, 0.0)


def _process(steps: int, count: int, forget: float, rng: np.random.Generator) -> np.ndarray:
    """Draw Ornstein-Uhlenbeck processes of unit variance, shape (steps, count); `forget` is the step over the time."""
    keep = np.exp(-forget)
    shocks = rng.standard_normal((steps, count))
    shocks[1:] *= np.sqrt(1 - keep**2)
    return lfilter([1.0], [1.0, -keep], shocks, axis=0)
