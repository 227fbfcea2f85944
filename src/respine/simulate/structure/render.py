"""A scene through the microscope: grey levels, some slices at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import zoom

from respine.simulate.structure.blobs import FAR, NEAR, Blobs, join_blobs
from respine.simulate.structure.detector import expose_slice
from respine.simulate.structure.optics import OpticsSettings
from respine.simulate.structure.scene import Scene
from respine.simulate.structure.session import SessionView
from respine.simulate.structure.splat import shear_rows, splat_slice

_SMALL_REACH, _SHAFT_NEAR, _SHAFT_REACH = 2.5, 1.5, 5.0
"""In Rayleigh ranges: how far small things are seen, where a shaft needs its fine blobs, how far it is seen."""


def render_chunks(scene: Scene, view: SessionView, rng: np.random.Generator, slices: int = 8) -> Iterator[np.ndarray]:
    """Take the stack of one session, some slices at a time.

    Parameters
    ----------
    scene : Scene
    view : SessionView
    rng : numpy.random.Generator
        Every slice gets a stream of its own from it, so that the grey levels do not depend on `slices`.
    slices : int
        Slices of a chunk.

    Yields
    ------
    ndarray of uint8 or uint16, shape (up to `slices`, Y, X)
    """
    seed = [int(word) for word in rng.integers(0, 2**32, 4)]
    means = render_means(scene, view)
    depth = view.shape[0]
    for start in range(0, depth, slices):
        chunk = np.empty((min(slices, depth - start), *view.shape[1:]), view.optics.dtype)
        for index in range(len(chunk)):
            stream = np.random.Generator(np.random.SFC64([*seed, start + index]))
            chunk[index] = expose_slice(next(means), view.optics, stream)
            chunk[index][_cut_mask(view, start + index)] = 0
        yield chunk


def render_stack(scene: Scene, view: SessionView, rng: np.random.Generator) -> np.ndarray:
    """Take the whole stack of one session, shape (Z, Y, X)."""
    return np.concatenate(list(render_chunks(scene, view, rng, view.shape[0])))


def render_means(scene: Scene, view: SessionView) -> Iterator[np.ndarray]:
    """Render the mean of every slice before detection.

    Parameters
    ----------
    scene : Scene
    view : SessionView

    Yields
    ------
    ndarray of float32, shape (Y, X)
        Grey levels above the offset, without noise.
    """
    optics = view.optics
    blobs = join_blobs([scene.cells, scene.background])
    smooth = view.warp.without_slice_motion()
    points, mass, spread, near, far = _in_order_of_depth(blobs, smooth.apply(blobs.points_um), optics)
    widest = far.max(initial=0.0)
    light = _illumination(view)
    for index in range(view.shape[0]):
        z = index * optics.voxel_um[0]
        image = np.zeros(view.shape[1:], np.float32)
        first, last = np.searchsorted(points[:, 0], [z - widest, z + widest])
        part = slice(first, last)
        splat_slice(
            image,
            points[part],
            mass[part],
            spread[part],
            near[part],
            far[part],
            z,
            optics.voxel_um[1:],
            _slice_shift(view, index),
            optics.sigma_um,
            optics.rayleigh_um,
        )
        rows = view.row_shift_um(index, np.arange(view.shape[1])) / optics.voxel_um[2]
        fading = np.exp(-z / optics.attenuation_um) * (1 - view.bleaching * index / max(view.shape[0] - 1, 1))
        image = shear_rows(image, rows) if view.breathing_um > 0 else image
        image *= np.float32(optics.grey_peak * fading) * light
        haze = optics.background * (1 + optics.surface_haze * np.exp(-z / optics.haze_decay_um))
        yield np.maximum(image, 0) + np.float32(haze) * light


def _in_order_of_depth(blobs: Blobs, points_um: np.ndarray, optics: OpticsSettings):
    """Blobs ready to draw: points, mass, spread, near and far range, sorted by depth; the skirt of shafts added."""
    scale = optics.rayleigh_um
    near = np.where(blobs.role == FAR, _SHAFT_NEAR * scale, 0.0)
    far = np.where(blobs.role == FAR, _SHAFT_REACH * scale, _SMALL_REACH * scale)
    far = np.where(blobs.role == NEAR, _SHAFT_NEAR * scale, far)
    shaft = blobs.role == FAR
    mass = np.concatenate([blobs.mass, optics.skirt * blobs.mass[shaft]]) * optics.mass_to_signal
    spread = np.concatenate([blobs.spread_um, np.hypot(blobs.spread_um[shaft], optics.skirt_um)])
    near, far = np.concatenate([near, np.zeros(shaft.sum())]), np.concatenate([far, far[shaft]])
    points = np.concatenate([points_um, points_um[shaft]])
    order = np.argsort(points[:, 0], kind="stable")
    return points[order], mass[order], spread[order], near[order], far[order]


def _slice_shift(view: SessionView, index: int) -> tuple[float, float]:
    # The detector answers late in the row; the scanner is adjusted for it, so that the image stays in place.
    before, _, after = view.optics.smear_kernel
    y, x = view.warp.slice_shift_um[min(index, len(view.warp.slice_shift_um) - 1)]
    return float(y), float(x + (before - after) * view.optics.voxel_um[2])


def _illumination(view: SessionView) -> np.ndarray:
    _, height, width = view.shape
    field = zoom(view.illumination, (height / 4, width / 4), order=3, mode="nearest", grid_mode=True)
    return field[:height, :width].astype(np.float32)


def _cut_mask(view: SessionView, index: int) -> np.ndarray:
    voxel = view.optics.voxel_um
    y = np.arange(view.shape[1])[:, None] * voxel[1]
    x = np.arange(view.shape[2])[None, :] * voxel[2]
    return view.is_cut(np.array(index * voxel[0]), y, x)
