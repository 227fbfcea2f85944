"""A small, noise-scaled copy of a stack that images of any brightness can be compared on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from respine.core.stack import Stack
from respine.structure.registration.resample import Lattice


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """A reduced image and the lattice of its voxels in the raw stack, um.

    Parameters
    ----------
    voxels : ndarray of float32, shape (Z, Y, X)
        Signal above the background; its noise has about the same size at every brightness.
    lattice : Lattice
        Where the voxels lie.
    """

    voxels: np.ndarray
    lattice: Lattice


def reduce_stack(stack: Stack, step_um: float, background: float, gain: float, floor: float) -> WorkingImage:
    """Bin a stack laterally to about a given step and equalise its noise.

    The values become ``2 / gain * (sqrt(gain * signal + floor**2) - floor)``, whose noise is that of 1 everywhere
    before binning [1]_, so that the match of two images does not hang on their few brightest voxels.

    Parameters
    ----------
    stack : Stack
        The raw stack.
    step_um : float
        Wanted distance between voxels laterally; never finer than the stack's own.
    background, gain, floor : float
        Grey level without signal, and the noise of the stack: variance = gain * signal + floor squared.

    Returns
    -------
    WorkingImage

    References
    ----------
    .. [1] Murtagh F, Starck JL, Bijaoui A (1995). Image restoration with noise suppression using a
       multiresolution support. Astron Astrophys Suppl Ser 112:179-189.
    """
    voxel = np.array(stack.voxel_um)
    factor = np.maximum(np.floor(step_um / voxel[1:] + 1e-6), 1).astype(int)
    factor = np.minimum(factor, stack.shape[1:])
    size = np.array(stack.shape[1:]) // factor
    out = np.empty((stack.shape[0], *size), np.float32)
    for z in range(stack.shape[0]):
        plane = np.asarray(stack.voxels[z, : size[0] * factor[0], : size[1] * factor[1]], np.float32)
        plane = plane.reshape(size[0], factor[0], size[1], factor[1]).mean(axis=(1, 3)) - background
        signal = np.maximum(plane, 0)
        out[z] = 2 / gain * (np.sqrt(gain * signal + floor**2) - floor) + np.minimum(plane, 0) / floor
    step = voxel * np.array([1, *factor])
    origin = voxel * np.array([0, *(factor - 1)]) / 2
    return WorkingImage(out, Lattice(out.shape, origin, step))


def bin_image(image: WorkingImage, factor: tuple[int, int, int]) -> WorkingImage:
    """Average blocks of voxels; what does not fill a block at the far end is left out."""
    factor = np.minimum(factor, image.voxels.shape)
    size = np.array(image.voxels.shape) // factor
    kept = image.voxels[tuple(slice(0, n) for n in size * factor)]
    blocks = kept.reshape(size[0], factor[0], size[1], factor[1], size[2], factor[2])
    voxels = blocks.mean(axis=(1, 3, 5), dtype=np.float32)
    step = image.lattice.step_um * factor
    origin = image.lattice.origin_um + image.lattice.step_um * (factor - 1) / 2
    return WorkingImage(voxels, Lattice(voxels.shape, origin, step))


def highlight_structure(image: WorkingImage, fine_um: float, coarse_um: float) -> np.ndarray:
    """Lateral blur less the mean over a wide square, slice by slice: what is thin stays, the haze between goes.

    The square is as wide as a Gaussian of standard deviation `coarse_um`.
    """
    step = image.lattice.step_um[1:]
    side = np.maximum(np.round(coarse_um * np.sqrt(12) / step).astype(int), 1)
    out = np.empty_like(image.voxels)
    for z, plane in enumerate(image.voxels):
        out[z] = gaussian_filter(plane, fine_um / step) - uniform_filter(plane, side)
    return out
