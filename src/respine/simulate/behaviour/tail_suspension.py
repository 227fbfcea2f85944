"""The frames of a tail-suspension video: 1 to 6 mice side by side, each in its chamber."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.stats import norm

from respine.core.errors import InputError
from respine.simulate.behaviour.bouts import Bouts, BoutSettings
from respine.simulate.behaviour.chamber import (
    CameraSettings,
    hook_points,
    paint_chambers,
    simulate_light,
    simulate_shake,
)
from respine.simulate.behaviour.mouse_shape import EAR, EYE, FOOT, FUR, SKIN, Capsules, MouseShape, mouse_shape
from respine.simulate.behaviour.paint import add_noise, paint_body, paint_capsules, shift_image
from respine.simulate.behaviour.posture import Posture, PostureSettings, simulate_posture
from respine.simulate.settings_checked import CheckedSettings

MOST_MICE = 6
_GREY = np.zeros(5)
_GREY[[FUR, SKIN, FOOT, EAR, EYE]] = 50.0, 112.0, 122.0, 84.0, 16.0
_FUR_SHAPE = (256, 48)
_HEIGHT_CM = 23.0
_LEAST_WIDTH_CM = 11.0
_QUANTILES = norm.ppf((np.arange(256) + 0.5) / 256).astype(np.float32)


class TailSuspensionSettings(CheckedSettings):
    """A tail-suspension video."""

    width_px: int = Field(640, ge=64, le=4096, multiple_of=2)
    """Width of a frame, pixels."""
    height_px: int = Field(480, ge=64, le=4096, multiple_of=2)
    """Height of a frame, pixels."""
    frame_rate_hz: float = Field(30.0, ge=15, le=60)
    """Frames a second, Hz."""
    quality_crf: int = Field(25, ge=0, le=51)
    """Quality of the H.264 compression (x264's constant rate factor; lower is better)."""
    bouts: BoutSettings = BoutSettings()
    """Struggling bouts."""
    posture: PostureSettings = PostureSettings()
    """The mice's movements."""
    camera: CameraSettings = CameraSettings()
    """Light, noise and steadiness."""


TAIL_SUSPENSION_SIZES = {
    "full": TailSuspensionSettings(),
    "small": TailSuspensionSettings(width_px=320, height_px=240, frame_rate_hz=15.0),
}


@dataclass(frozen=True, eq=False)
class Suspension:
    """What is true of a video of M mice and T frames.

    Parameters
    ----------
    frame_time_s : ndarray, shape (T,)
    bouts : tuple of Bouts
        Of each mouse.
    postures : tuple of Posture
    light : ndarray, shape (T,)
        Brightness of the light, about 1.
    shake_px : ndarray, shape (T, 2)
        Displacement of the frame (y, x).
    """

    frame_time_s: np.ndarray
    bouts: tuple[Bouts, ...]
    postures: tuple[Posture, ...]
    light: np.ndarray
    shake_px: np.ndarray


def simulate_suspension(
    bouts: Sequence[Bouts], settings: TailSuspensionSettings, rng: np.random.Generator
) -> Suspension:
    """Draw how the mice of one video move, and how light and camera waver.

    Raises
    ------
    InputError
        There are no mice or more than six, or their suspensions differ in length.
    """
    if not 1 <= len(bouts) <= MOST_MICE:
        raise InputError(f"tail suspension: a video shows 1 to {MOST_MICE} mice; found {len(bouts)}")
    durations = sorted({b.duration_s for b in bouts})
    if len(durations) > 1:
        raise InputError(
            f"tail suspension: the mice of a video are suspended for the same time; found {durations[0]:g} "
            f"to {durations[-1]:g} s"
        )
    frames = max(round(durations[0] * settings.frame_rate_hz), 1)
    frame_time_s = np.arange(frames) / settings.frame_rate_hz
    postures = tuple(simulate_posture(b, frame_time_s, settings.posture, rng) for b in bouts)
    light = simulate_light(frame_time_s, settings.camera, rng)
    shake = simulate_shake(frame_time_s, settings.camera, rng)
    return Suspension(frame_time_s, tuple(bouts), postures, light, shake)


def render_suspension(
    truth: Suspension, settings: TailSuspensionSettings, rng: np.random.Generator, chunk_frames: int = 64
) -> Iterator[np.ndarray]:
    """Make the video in chunks of frames, each of shape (frames, Y, X), uint8 luma from 16 to 235."""
    shape = (settings.height_px, settings.width_px)
    mice = len(truth.postures)
    px_per_cm = min(shape[0] / _HEIGHT_CM, shape[1] / mice / _LEAST_WIDTH_CM)
    chambers = paint_chambers(shape, mice, px_per_cm, rng)
    hooks, edges = hook_points(shape, mice), np.linspace(0, shape[1], mice + 1).astype(int)
    furs = [_fur(rng) for _ in range(mice)]
    scratch = (np.full(shape, -1, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    image = np.empty(shape, np.float32)
    camera = settings.camera
    frames = len(truth.frame_time_s)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        chunk = np.empty((last - first, *shape), np.uint8)
        for frame in range(first, last):
            shake = truth.shake_px[frame]
            shift_image(chambers, shake[0], shake[1], 1.0, image)
            for mouse, (posture, fur) in enumerate(zip(truth.postures, furs, strict=True)):
                # The walls stand before the mice: each is painted into its own chamber only.
                own = slice(edges[mouse], edges[mouse + 1])
                hook = hooks[mouse] + shake - [0, edges[mouse]]
                _paint_mouse(
                    image[:, own], mouse_shape(posture, frame), hook, px_per_cm, fur, [s[:, own] for s in scratch]
                )
            draws = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(shape)
            light, noise = np.float32(truth.light[frame]), (camera.read_sd_grey**2, camera.shot_gain_grey)
            add_noise(image, light, draws, _QUANTILES, *noise, chunk[frame - first])
        yield chunk


def _paint_mouse(
    image: np.ndarray,
    shape: MouseShape,
    hook_px: np.ndarray,
    px_per_cm: float,
    fur: np.ndarray,
    scratch: list[np.ndarray],
) -> None:
    spine, radius = hook_px + px_per_cm * shape.spine_cm, px_per_cm * shape.radius_cm
    shadow = spine[2::4] + px_per_cm * np.array([0.5, 1.1])
    thick, count = radius[2::4], len(shadow)
    paint_capsules(image, shadow, shadow, thick, thick, np.full(count, 90.0), np.full(count, 0.16), 1.6 * px_per_cm)
    _paint(image, shape.behind, hook_px, px_per_cm)
    paint_body(image, spine, radius, _GREY[FUR], fur, 12.0 / px_per_cm, *scratch)
    _paint(image, shape.front, hook_px, px_per_cm)


def _paint(image: np.ndarray, parts: Capsules, hook_px: np.ndarray, px_per_cm: float) -> None:
    paint_capsules(
        image,
        hook_px + px_per_cm * parts.start_cm,
        hook_px + px_per_cm * parts.end_cm,
        px_per_cm * parts.start_radius_cm,
        px_per_cm * parts.end_radius_cm,
        _GREY[parts.cover],
        np.ones(len(parts.cover)),
        1.2,
    )


def _fur(rng: np.random.Generator) -> np.ndarray:
    """Draw a texture of streaks along the body, grey levels."""
    noise = rng.standard_normal(_FUR_SHAPE)
    streaks = sum(np.roll(noise, k, axis=0) for k in range(6)) / np.sqrt(6)
    patches = np.repeat(np.repeat(rng.standard_normal((16, 6)), 16, axis=0), 8, axis=1)
    return 4.0 * streaks + 3.0 * patches
