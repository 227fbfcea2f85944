"""The haze between the cells: uneven, following the cells around it and a course that all of it shares."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.signal import lfilter

from respine.simulate.function.field import CellField
from respine.simulate.function.footprints import Canvas
from respine.simulate.settings_checked import CheckedSettings

_GRID = np.array([-0.7, 0.0, 0.7])


class NeuropilSettings(CheckedSettings):
    """Brightness of the neuropil and how it changes."""

    photons_per_um2: float = Field(1.0, ge=0)
    """Photons of the neuropil at rest, of one frame, per um^2."""
    coefficient: float = Field(0.7, ge=0, le=1)
    """Share of the surrounding neuropil that shines through a soma."""
    global_sd: float = Field(0.08, ge=0)
    """Standard deviation of the course that all neuropil shares, dF/F."""
    local_sd: float = Field(0.08, ge=0)
    """Standard deviation of the courses of its nine regions, dF/F; they follow the cells around them."""
    follow: float = Field(0.7, ge=0, le=1)
    """How much of a course follows cells; the rest is its own."""
    time_s: float = Field(3.0, gt=0)
    """Time over which the own part forgets, s."""


def neuropil_level(field: CellField, canvas: Canvas) -> np.ndarray:
    """Return the uneven brightness at rest, about 1, the shape of the canvas."""
    y, x = canvas.axes_um()
    spread = 2 * field.haze_radius_um**2
    tall = np.exp(-((y[:, None] - field.haze_um[:, 0]) ** 2) / spread)
    wide = np.exp(-((x[:, None] - field.haze_um[:, 1]) ** 2) / spread)
    along_y = np.exp(1j * (np.outer(y, field.wave[:, 0]) + field.wave[:, 2]))
    along_x = np.exp(1j * np.outer(x, field.wave[:, 1]))
    texture = field.wave_level * (along_y @ along_x.T).real
    level = np.exp(tall @ (field.haze_level * wide).T + texture)
    return level / level.mean()


def neuropil_maps(canvas: Canvas) -> np.ndarray:
    """Return the maps of the shared course (everywhere 1) and of nine regions that add up to 1, shape (10, Y, X)."""
    rows, columns = ((np.arange(n) - (n - 1) / 2) / (n / 2) for n in canvas.shape)
    weight_y = np.exp(-((rows[None] - _GRID[:, None]) ** 2) / (2 * 0.35**2))
    weight_x = np.exp(-((columns[None] - _GRID[:, None]) ** 2) / (2 * 0.35**2))
    regions = (weight_y[:, None, :, None] * weight_x[None, :, None, :]).reshape(9, *canvas.shape)
    return np.concatenate([np.ones((1, *canvas.shape)), regions / regions.sum(axis=0)])


def simulate_neuropil(
    dff: np.ndarray,
    position_um: np.ndarray,
    canvas: Canvas,
    interval_s: float,
    settings: NeuropilSettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the courses of the shared and the nine regional parts, shape (T, 10), dF/F with mean 0.

    Parameters
    ----------
    dff : ndarray, shape (T, C)
        What the cells do.
    position_um : ndarray, shape (C, 3)
        Where they are.
    interval_s : float
        Time between frames, s.
    """
    frames, cells = dff.shape
    half = np.array(canvas.shape) * canvas.pixel_um / 2
    centres = np.stack(np.meshgrid(_GRID, _GRID, indexing="ij"), axis=-1).reshape(9, 2) * half
    distance = np.linalg.norm(position_um[:, None, 1:] - centres, axis=2)
    near = np.exp(-(distance**2) / (2 * (0.35 * half.mean()) ** 2)) + 1e-6
    followed = np.column_stack([dff.mean(axis=1), dff @ (near / near.sum(axis=0))]) if cells else np.zeros((frames, 10))
    keep = np.exp(-interval_s / settings.time_s)
    shocks = rng.standard_normal((frames, 10))
    shocks[1:] *= np.sqrt(1 - keep**2)
    own = lfilter([1.0], [1.0, -keep], shocks, axis=0)
    course = np.sqrt(settings.follow) * _standard(followed) + np.sqrt(1 - settings.follow) * own
    return course * np.r_[settings.global_sd, np.full(9, settings.local_sd)]


def _standard(course: np.ndarray) -> np.ndarray:
    spread = course.std(axis=0)
    return (course - course.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
