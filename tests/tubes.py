"""Stacks with tubes of known centre line and width, for tests of the tracing."""

import numpy as np
from scipy.spatial import cKDTree

from respine.core.geometry import resample_line
from respine.core.stack import Stack

VOXEL_UM = (1.0, 0.2, 0.2)
SIGMA_UM, AXIAL_SIGMA_UM = 0.4, 1.2
# Half width at half maximum of a Gaussian over its sigma.
HALF_WIDTH = np.sqrt(2 * np.log(2))
BACKGROUND = 5.0


def paint_tubes(lines, shape_um, voxel_um=VOXEL_UM, peaks=100.0, sigma_um=SIGMA_UM, noise=1.0, seed=0):
    """A stack of `shape_um` with a tube of Gaussian profile around each polyline; where they meet the brighter counts.

    `peaks` and `sigma_um` are one value or one a line; `noise` is the variance over the mean, 0 for none.
    """
    shape = tuple(round(length / size) + 1 for length, size in zip(shape_um, voxel_um, strict=True))
    image = np.zeros(shape)
    peaks, sigmas = np.broadcast_to(peaks, len(lines)), np.broadcast_to(sigma_um, len(lines))
    for line, peak, sigma in zip(lines, peaks, sigmas, strict=True):
        line, scale = np.asarray(line, float), np.array([AXIAL_SIGMA_UM, sigma, sigma])
        axes = [
            np.arange(max(int((a - 4 * w) / v), 0), min(int((b + 4 * w) / v) + 2, n))
            for a, b, w, v, n in zip(line.min(0), line.max(0), scale, voxel_um, shape, strict=True)
        ]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) * voxel_um
        tree = cKDTree(resample_line(line, 0.05) / scale)
        away = tree.query(grid.reshape(-1, 3) / scale, distance_upper_bound=4)[0].reshape(grid.shape[:3])
        box = np.ix_(*axes)
        image[box] = np.maximum(image[box], peak * np.exp(-0.5 * away**2))
    image += BACKGROUND
    if noise:
        rng = np.random.default_rng(seed)
        image = rng.poisson(image / noise) * noise
    return Stack(image.astype(np.float32), voxel_um)


def paint_spots(stack, spots, sigma_um=0.3, peak=100.0):
    """Add round spots (spines, specks) at points (z, y, x), um."""
    grid = np.meshgrid(
        *(np.arange(n) * v for n, v in zip(stack.shape, stack.voxel_um, strict=True)), indexing="ij", sparse=True
    )
    image = stack.voxels.copy()
    for spot in spots:
        away = ((grid[0] - spot[0]) / AXIAL_SIGMA_UM) ** 2 + sum(
            ((grid[axis] - spot[axis]) / sigma_um) ** 2 for axis in (1, 2)
        )
        image += peak * np.exp(-0.5 * away)
    return Stack(image.astype(np.float32), stack.voxel_um)


def distances(points_um, *lines_um):
    """Lateral and axial distance of points from the nearest place of some lines, the axial counted a quarter."""
    fine = np.concatenate([resample_line(np.asarray(line, float), 0.02) for line in lines_um])
    scale = np.array([4.0, 1.0, 1.0])
    nearest = fine[cKDTree(fine / scale).query(points_um / scale)[1]]
    return np.linalg.norm((points_um - nearest)[:, 1:], axis=1), np.abs(points_um - nearest)[:, 0]


def bend(radius_um, start_um, arm_um):
    """From `start_um` an arm along x, a quarter of a circle, and an arm along y; points (z, y, x)."""
    z, y, x = start_um
    angle = np.linspace(0, np.pi / 2, 60)
    arc = np.stack([y + radius_um * (1 - np.cos(angle)), x + arm_um + radius_um * np.sin(angle)], axis=1)
    flat = np.concatenate([[[y, x]], arc, arc[-1:] + np.array([[arm_um, 0.0]])])
    return np.concatenate([np.full((len(flat), 1), z), flat], axis=1)
