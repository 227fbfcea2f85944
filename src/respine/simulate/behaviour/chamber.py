"""The chambers that mice hang in: walls, beam, hooks and tape, and how light and camera waver.

Legend of shapes: Y x X pixels, M chambers, T frames.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from respine.simulate.behaviour.paint import paint_capsules
from respine.simulate.settings_checked import CheckedSettings


class CameraSettings(CheckedSettings):
    """Light, noise and steadiness of the camera."""

    light_drift: float = Field(0.02, ge=0, le=0.3)
    """Slow drift of the light (standard deviation, relative; it forgets within a minute)."""
    flicker: float = Field(0.004, ge=0, le=0.1)
    """Amplitude of the mains flicker that the frame rate lets through, relative."""
    flicker_hz: float = Field(0.7, ge=0)
    """Its frequency in the video, Hz."""
    light_steps_per_min: float = Field(0.15, ge=0)
    """Sudden changes of the light, per minute."""
    light_step: float = Field(0.06, ge=0, le=0.3)
    """Their size (standard deviation, relative)."""
    read_sd_grey: float = Field(1.5, ge=0)
    """Noise in the dark, grey levels."""
    shot_gain_grey: float = Field(0.02, ge=0)
    """Variance of the noise per grey level of light, grey levels."""
    shake_px: float = Field(0.03, ge=0, le=2)
    """Tremble of the camera (standard deviation), pixels."""
    bumps_per_min: float = Field(0.5, ge=0)
    """Knocks against the camera or its table, per minute."""
    bump_px: float = Field(1.5, ge=0, le=20)
    """Largest displacement by a knock, pixels; it rings down within half a second."""


def paint_chambers(shape: tuple[int, int], chambers: int, px_per_cm: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the empty chambers, shape (Y, X), float32 grey levels."""
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns])[:, None, None]
    image = 172 - 26 * (y - 0.3) ** 2 - 34 * (x - 0.45) ** 2
    image += 9 * _blotches(shape, 0.12 * rows, rng) + 2.5 * _blotches(shape, 2.0, rng)
    image[int(0.93 * rows) :] -= 30
    image[int(0.93 * rows) : int(0.94 * rows)] -= 18
    wall = max(0.35 * px_per_cm, 2.0)
    for edge in np.linspace(0, columns, chambers + 1):
        near = np.abs(np.arange(columns) - edge)
        image -= 55 * np.clip(1.2 - near / wall, 0, 1) + 12 * np.exp(-((near / (4 * wall)) ** 2))
    beam = int(0.06 * rows)
    image[:beam] = 58 + 10 * np.cos(np.linspace(-1.4, 1.4, beam))[:, None] + 2 * _blotches((beam, columns), 1.5, rng)
    image[beam : beam + max(int(0.012 * rows), 1)] -= 45
    image = np.ascontiguousarray(gaussian_filter(image, 0.7), np.float32)
    for hook in hook_points(shape, chambers):
        top = hook - [0.06 * rows - 0.3 * px_per_cm, 0]
        radius = np.array([0.12 * px_per_cm, 0.42 * px_per_cm])
        # The hook, and a strip of tape around the tip of the tail.
        above, below = hook - np.array([0.5 * px_per_cm, 0]), hook + np.array([0.7 * px_per_cm, 0])
        start, end = np.stack([top, above]), np.stack([hook, below])
        paint_capsules(image, start, end, radius, radius, np.array([95.0, 212.0]), np.array([1.0, 0.9]), 1.5)
    return image


def hook_points(shape: tuple[int, int], chambers: int) -> np.ndarray:
    """Return where the tails are held, shape (M, 2), pixels (y, x)."""
    rows, columns = shape
    x = (np.arange(chambers) + 0.5) * columns / chambers
    return np.stack([np.full(chambers, 0.12 * rows), x], axis=1)


def simulate_light(frame_time_s: np.ndarray, settings: CameraSettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the brightness of the light in every frame, about 1, shape (T,)."""
    frames = len(frame_time_s)
    interval = float(frame_time_s[1] - frame_time_s[0]) if frames > 1 else 1 / 30
    keep = np.exp(-interval / 60)
    shocks = rng.standard_normal(frames)
    shocks[1:] *= np.sqrt(1 - keep**2)
    drift = settings.light_drift * lfilter([1.0], [1.0, -keep], shocks)
    flicker = settings.flicker * np.sin(2 * np.pi * settings.flicker_hz * frame_time_s + rng.uniform(0, 2 * np.pi))
    steps = rng.random(frames) < settings.light_steps_per_min / 60 * interval
    level = np.where(steps, settings.light_step * rng.standard_normal(frames), np.nan)
    last = np.maximum.accumulate(np.where(steps, np.arange(frames), -1))
    return np.maximum(1 + drift + flicker + np.where(last >= 0, level[last], 0.0), 0.1)


def simulate_shake(frame_time_s: np.ndarray, settings: CameraSettings, rng: np.random.Generator) -> np.ndarray:
    """Draw the displacement of every frame by a trembling and knocked camera, shape (T, 2), pixels (y, x)."""
    frames = len(frame_time_s)
    interval = float(frame_time_s[1] - frame_time_s[0]) if frames > 1 else 1 / 30
    shift = settings.shake_px * rng.standard_normal((frames, 2))
    for frame in np.flatnonzero(rng.random(frames) < settings.bumps_per_min / 60 * interval):
        since = frame_time_s[frame:] - frame_time_s[frame]
        ring = np.exp(-since / 0.12) * np.cos(2 * np.pi * 6 * since)
        shift[frame:] += settings.bump_px * ring[:, None] * rng.uniform(-1, 1, 2)
    return shift


def _blotches(shape: tuple[int, int], size_px: float, rng: np.random.Generator) -> np.ndarray:
    noise = gaussian_filter(rng.standard_normal(shape), size_px)
    return noise / noise.std()
