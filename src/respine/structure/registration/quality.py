"""How good a stack is: motion between its slices, noise, brightness, bleaching, evenness and sharpness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter

from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.structure.registration.noise import estimate_noise
from respine.structure.registration.slice_motion import estimate_slice_shift
from respine.structure.registration.working_image import reduce_stack

_PLANES_FOR_NOISE = 12
_TILES = 8
_DIRECTIONS = 8


class QualitySettings(StageSettings):
    """Settings of the assessment of a stack."""

    motion_step_um: float = Field(0.5, gt=0)
    """Lateral voxel size at which the motion between slices is measured."""
    motion_tile_um: float = Field(8.0, gt=0)
    """Side of the tiles that are matched between slices."""
    motion_search_um: float = Field(2.0, gt=0)
    """Largest lateral jump between two slices that is looked for."""
    motion_blur_um: float = Field(0.25, ge=0)
    """Lateral blur before the tiles are matched."""
    motion_contrast: float = Field(1.5, gt=0)
    """A tile takes part if it varies this many times as much as the quietest tenth of the tiles."""
    max_spots: int = Field(1500, gt=0)
    """Number of bright spots whose width is measured for the sharpness."""


@dataclass(frozen=True, eq=False)
class StackQuality:
    """What `assess_stack` finds. A figure that cannot be measured is NaN and `reason` says why.

    Parameters
    ----------
    slice_shift_um : ndarray, shape (Z, 2)
        Lateral displacement (y, x) of every slice from the smooth course of its neighbours, um.
    slice_jitter_um : float
        Root mean square lateral jump from one slice to the next, um.
    noise_gain, noise_floor : float
        The noise: variance = gain * (level - background) + floor squared, grey levels.
    background, brightness : float
        Median of the stack; its 99.9th percentile less the median; grey levels.
    snr : float
        Brightness over the noise at that brightness.
    bleaching : float
        Brightness of the structure in the last slices over that in the first, from an exponential through all slices.
    unevenness : float
        Coefficient of variation over the field of the smooth part of the background.
    sharpness_um : float
        Lateral full width at half maximum of thin structures (10th percentile), um.
    reason : str or None
        Why a figure is missing.
    """

    slice_shift_um: np.ndarray
    slice_jitter_um: float
    noise_gain: float
    noise_floor: float
    background: float
    brightness: float
    snr: float
    bleaching: float
    unevenness: float
    sharpness_um: float
    reason: str | None = None


def assess_stack(stack: Stack, settings: QualitySettings) -> StackQuality:
    """Assess a stack: motion between slices, noise, brightness, bleaching, evenness and sharpness.

    Parameters
    ----------
    stack : Stack
        The raw stack.
    settings : QualitySettings
        How.

    Returns
    -------
    StackQuality
    """
    sample = stack.voxels[:: max(1, stack.shape[0] // _PLANES_FOR_NOISE)]
    whole = stack.voxels[:, ::2, ::2]
    background, bright = (float(v) for v in np.percentile(whole, [50, 99.9]))
    gain, floor = estimate_noise(sample, _saturation(stack.voxels.dtype))
    brightness = bright - background
    image = reduce_stack(stack, settings.motion_step_um, background, gain, floor)
    shift = estimate_slice_shift(
        image,
        settings.motion_tile_um,
        settings.motion_search_um,
        settings.motion_blur_um,
        settings.motion_contrast,
    )
    measured = {
        "bleaching": _bleaching(whole, background, np.sqrt(gain * max(brightness, 0) + floor**2)),
        "unevenness": _unevenness(stack),
        "sharpness_um": _sharpness_um(stack, background, gain, floor, settings.max_spots),
    }
    missing = [name for name, value in measured.items() if np.isnan(value)]
    return StackQuality(
        slice_shift_um=shift,
        slice_jitter_um=float(np.sqrt((np.diff(shift, axis=0) ** 2).sum(axis=1).mean())) if len(shift) > 1 else 0.0,
        noise_gain=gain,
        noise_floor=floor,
        background=background,
        brightness=brightness,
        snr=brightness / float(np.sqrt(gain * max(brightness, 0) + floor**2)),
        reason=f"too little structure to measure {', '.join(missing)}" if missing else None,
        **measured,
    )


def _saturation(dtype):
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else np.inf


def _bleaching(voxels, background, noise):
    """Ratio of an exponential through the slices' bright ends, last slice over first."""
    bright = np.percentile(voxels.reshape(len(voxels), -1), 99.5, axis=1) - background
    seen = np.flatnonzero(bright > noise / 2)
    if len(seen) < max(3, len(voxels) // 4):
        return np.nan
    log = np.log(bright[seen])
    slope, level = np.polyfit(seen, log, 1)
    for _ in range(10):
        left = log - slope * seen - level
        trust = 1 / np.sqrt(1 + (left / max(1.5 * np.median(np.abs(left)), 1e-6)) ** 2)
        slope, level = np.polyfit(seen, log, 1, w=trust)
    return float(np.exp(slope * (len(voxels) - 1)))


def _unevenness(stack):
    """Coefficient of variation of a paraboloid through the tiles' dim halves."""
    edges = [np.linspace(0, n, _TILES + 1).astype(int) for n in stack.shape[1:]]
    if min(stack.shape[1:]) < 4 * _TILES:
        return np.nan
    step = max(1, stack.shape[0] // 20)
    level = np.empty((_TILES, _TILES))
    for j in range(_TILES):
        for i in range(_TILES):
            tile = stack.voxels[::step, edges[0][j] : edges[0][j + 1], edges[1][i] : edges[1][i + 1]]
            values = np.asarray(tile, np.float32).ravel()
            level[j, i] = values[values <= np.percentile(values, 75)].mean()
    black = float(np.min(stack.voxels[::step, ::4, ::4]))
    y, x = np.meshgrid(*[np.linspace(-1, 1, _TILES)] * 2, indexing="ij")
    design = np.column_stack([f.ravel() for f in (np.ones_like(y), y, x, y * y, x * x, x * y)])
    fit = design @ np.linalg.lstsq(design, level.ravel() - black, rcond=None)[0]
    return float(fit.std() / fit.mean()) if fit.mean() > 0 else np.nan


def _sharpness_um(stack, background, gain, floor, max_spots):
    """Tenth percentile of the narrowest widths of bright spots."""
    spacing = np.array(stack.voxel_um[1:])
    widths = []
    step = max(1, stack.shape[0] // 16)
    planes = range(0, stack.shape[0], step)
    for z in planes:
        plane = np.asarray(stack.voxels[z], np.float32) - background
        smooth = gaussian_filter(plane, 1.0)
        peak = (smooth == maximum_filter(smooth, 9)) & (
            smooth > 8 * np.sqrt(gain * np.maximum(smooth, 0) + floor**2) / 3.5
        )
        places = np.argwhere(peak)
        places = places[np.argsort(-smooth[peak], kind="stable")][: max(1, max_spots // len(planes))]
        widths.append(_narrowest_width_um(smooth, places, spacing))
    widths = np.concatenate(widths) if widths else np.zeros(0)
    widths = widths[np.isfinite(widths)]
    if len(widths) < 10:
        return np.nan
    blur = 2.355 * 1.0 * float(spacing.mean())
    return float(np.sqrt(max(np.percentile(widths, 10) ** 2 - blur**2, spacing.min() ** 2)))


def _narrowest_width_um(plane, places, spacing):
    """Full width at half maximum through each place, the smallest over directions, um; NaN where it has no edge."""
    reach = np.arange(0, 2.0, float(spacing.min()) / 2)
    narrowest = np.full(len(places), np.nan)
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        ray = np.array([np.sin(angle), np.cos(angle)])[:, None] * reach / spacing[:, None]
        width = np.zeros(len(places))
        for sign in (-1, 1):
            at = places.T[:, :, None] + sign * ray[:, None, :]
            profile = map_coordinates(plane, at, order=1, mode="constant", cval=np.nan)
            below = profile < profile[:, :1] / 2
            first = np.where(below.any(axis=1), below.argmax(axis=1), 0)
            rows = np.arange(len(places))
            before, after = profile[rows, np.maximum(first - 1, 0)], profile[rows, first]
            part = (before - profile[:, 0] / 2) / np.maximum(before - after, 1e-9)
            width += np.where(first > 0, reach[np.maximum(first - 1, 0)] + part * reach[1], np.nan)
        narrowest = np.fmin(narrowest, width)
    return narrowest
