"""Stacks of tubes and blobs seen through a known warp, for tests of what aligns and assesses them."""

from dataclasses import dataclass

import numpy as np

from respine.core.stack import Stack
from respine.core.warp import Warp

BACKGROUND = 10.0
PSF_UM = np.array([1.2, 0.28, 0.28])


@dataclass(frozen=True)
class Tissue:
    """Points (N, 3), um, each of a brightness, that are seen as Gaussian spots."""

    points_um: np.ndarray
    brightness: np.ndarray


def grow_tissue(seed, extent_um, tubes=8, spots=150):
    """Curved tubes through the field at all depths, with bright spots near them and elsewhere."""
    rng = np.random.default_rng(seed)
    extent = np.asarray(extent_um, float)
    points, brightness = [], []
    for _ in range(tubes):
        along = np.arange(-0.6, 0.6, 0.15 / extent[1:].max())
        angle, curve = rng.uniform(0, np.pi), rng.normal(0, 0.25)
        middle = rng.uniform(0.15, 0.85, 3) * extent
        line = middle + np.column_stack(
            [
                along * rng.normal(0, 0.3) * extent[0],
                (along * np.sin(angle) + curve * along**2 * np.cos(angle)) * 1.4 * extent[1],
                (along * np.cos(angle) - curve * along**2 * np.sin(angle)) * 1.4 * extent[2],
            ]
        )
        points.append(line)
        brightness.append(np.full(len(line), rng.uniform(20, 60)))
        heads = line[rng.choice(len(line), 15)] + rng.normal(0, 1, (15, 3)) * [0.5, 1.0, 1.0]
        points.append(heads)
        brightness.append(rng.uniform(40, 150, len(heads)))
    points.append(rng.uniform(-0.2, 1.2, (spots, 3)) * extent)
    brightness.append(rng.uniform(30, 120, spots))
    return Tissue(np.concatenate(points), np.concatenate(brightness))


def image_tissue(tissue, shape, voxel_um, warp=None, scale=1.0, gain=1.0, floor=1.0, seed=0, decay=0.0):
    """Take a stack of the tissue through a warp; noise of variance gain * signal + floor squared.

    `decay` is the relative loss of brightness a slice.
    """
    warp = warp or Warp.identity()
    smooth = warp.without_slice_motion()
    at = smooth.apply(tissue.points_um)
    voxel = np.array(voxel_um)
    reach = np.ceil(4 * PSF_UM / voxel).astype(int)
    shift = np.zeros((shape[0], 2))
    shift[: len(warp.slice_shift_um)] = warp.slice_shift_um[: shape[0]]
    signal = np.zeros(shape)
    for k in range(shape[0]):
        near = np.abs(at[:, 0] / voxel[0] - k) <= reach[0]
        axial = np.exp(-0.5 * ((at[near, 0] - k * voxel[0]) / PSF_UM[0]) ** 2)
        _add_spots(signal[k], at[near, 1:] + shift[k], tissue.brightness[near] * axial, voxel[1:], reach[1:])
        signal[k] *= scale * (1 - decay) ** k
    rng = np.random.default_rng(seed)
    image = rng.poisson(signal / gain) * gain + rng.normal(0, floor, shape) if gain else signal
    return Stack((image + BACKGROUND).astype(np.float32), tuple(voxel_um))


def _add_spots(plane, at, peak, voxel, reach):
    middle = np.round(at / voxel).astype(int)
    windows = [middle[:, axis, None] + np.arange(-reach[axis], reach[axis] + 1) for axis in range(2)]
    profiles = [
        np.exp(-0.5 * ((windows[axis] * voxel[axis] - at[:, axis, None]) / PSF_UM[axis + 1]) ** 2) for axis in range(2)
    ]
    inside = [(w >= 0) & (w < n) for w, n in zip(windows, plane.shape, strict=True)]
    y, x = (np.clip(w, 0, n - 1) for w, n in zip(windows, plane.shape, strict=True))
    value = peak[:, None, None] * (profiles[0] * inside[0])[:, :, None] * (profiles[1] * inside[1])[:, None, :]
    np.add.at(plane, (y[:, :, None], x[:, None, :]), value)


def bend_warp(
    extent_um, matrix=None, offset_um=(0.0, 0.0, 0.0), bend_um=1.0, seed=0, slice_shift_um=None, slice_um=1.0
):
    """Build a warp: affine, then a random smooth bending with nodes every 20 um, then slice shifts."""
    rng = np.random.default_rng(seed)
    step = np.array([20.0, 20.0, 20.0])
    nodes = np.ceil(np.asarray(extent_um) / step).astype(int) + 3
    displacement = rng.normal(0, bend_um, (*nodes, 3))
    shift = np.zeros((1, 2)) if slice_shift_um is None else slice_shift_um
    return Warp(np.eye(3) if matrix is None else matrix, offset_um, displacement, -step, step, shift, slice_um)
