"""How much every voxel of a stack looks like the middle of a bright tube.

Photon noise grows with brightness and dendrites differ tenfold in it, so the stack is brought to a scale on which
the noise is even (a square root above the background) and reduced to about 0.24 um laterally and 1 um axially.
The measure comes from the second derivatives at several widths, taken in units of the blur, in which the
axially stretched image of a tube is round again.

Symbols: (Z, Y, X) voxels of the reduced stack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from respine.core.stack import Stack

LATERAL_UM, AXIAL_UM = 0.24, 1.0
_TRUNCATE = 3.0
_BLOCK_ROWS = 128
# The square root starts this many noise widths below the background, so that noise stays on its even part.
_BELOW_BACKGROUND = 1.5


@dataclass(frozen=True, eq=False)
class RidgeMap:
    """The ridge measure of a stack on the reduced grid.

    Parameters
    ----------
    ridge : ndarray, shape (Z, Y, X), float32
        0 where nothing tube-like lies; the same unit everywhere, that of the stabilised intensity.
    origin_um, voxel_um : ndarray, shape (3,)
        Centre of the first voxel, and size of a voxel (z, y, x), um.
    floor : float
        Median of the positive values: what noise and texture give.
    """

    ridge: np.ndarray
    origin_um: np.ndarray
    voxel_um: np.ndarray
    floor: float

    def to_um(self, voxels: np.ndarray) -> np.ndarray:
        """Positions, shape (N, 3), um, of voxel indices, shape (N, 3)."""
        return self.origin_um + np.asarray(voxels, float) * self.voxel_um

    def to_voxel(self, points_um: np.ndarray) -> np.ndarray:
        """Nearest voxel indices, shape (N, 3), of points in um; those outside go to the nearest face."""
        index = np.rint((np.asarray(points_um, float) - self.origin_um) / self.voxel_um).astype(int)
        return np.clip(index, 0, np.array(self.ridge.shape) - 1)


def compute_ridge_map(stack: Stack, scales_um: tuple[float, ...], axial_blur_um: float) -> RidgeMap:
    """Reduce a stack, even out its noise and measure how tube-like every voxel is.

    Parameters
    ----------
    stack : Stack
        Voxels that are NaN count as background.
    scales_um : tuple of float
        Lateral widths (sigma) at which tubes are sought, um.
    axial_blur_um : float
        Width (sigma) of the axial blur of the microscope, um.
    """
    reduced, origin, voxel = reduce_stack(stack)
    ridge = ridge_measure(stabilise(reduced), voxel, scales_um, axial_blur_um)
    positive = ridge[ridge > 0]
    return RidgeMap(ridge, origin, voxel, float(np.median(positive)) if positive.size else 0.0)


def reduce_stack(stack: Stack) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average blocks of voxels down to the working resolution.

    Returns
    -------
    reduced : ndarray, shape (Z, Y, X), float32
        NaN where a whole block is NaN.
    origin_um, voxel_um : ndarray, shape (3,)
        Centre of the first voxel and size of a voxel.
    """
    size = np.array(stack.voxel_um)
    factor = np.maximum(np.rint(np.array([AXIAL_UM, LATERAL_UM, LATERAL_UM]) / size + 1e-6).astype(int), 1)
    factor = np.minimum(factor, stack.shape)
    shape = -(-np.array(stack.shape) // factor)
    reduced = np.empty(shape, np.float32)
    for k in range(shape[0]):
        slab = np.asarray(stack.voxels[k * factor[0] : (k + 1) * factor[0]], np.float32)
        rows, columns = (-np.array(slab.shape[1:])) % factor[1:]
        slab = np.pad(slab, ((0, 0), (0, rows), (0, columns)), mode="edge")
        blocks = slab.reshape(len(slab), shape[1], factor[1], shape[2], factor[2])
        valid = np.isfinite(blocks)
        count = valid.sum((0, 2, 4))
        total = np.where(valid, blocks, 0).sum((0, 2, 4))
        reduced[k] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return reduced, (factor - 1) / 2 * size, factor * size


def stabilise(voxels: np.ndarray) -> np.ndarray:
    """Bring intensities to a scale on which photon noise is even; NaN becomes background.

    The square root of the intensity above the background in units of the background's noise; the background
    itself is 0. Any gain and offset of the recording gives the same result.
    """
    valid = np.isfinite(voxels)
    if not valid.any():
        return np.zeros(voxels.shape, np.float32)
    background, bright = np.percentile(voxels[valid], [50, 99.9])
    steps = np.diff(voxels, axis=2)
    steps = steps[np.isfinite(steps)]
    low, high = np.percentile(steps, [16, 84]) if steps.size else (0.0, 0.0)
    # An image without noise still needs a unit.
    unit = max((high - low) / 2 / np.sqrt(2), (bright - background) / 200, np.finfo(np.float32).tiny)
    above = (np.where(valid, voxels, background) - background) / unit
    even = np.sqrt(np.maximum(above + _BELOW_BACKGROUND, 0)) - np.sqrt(_BELOW_BACKGROUND)
    return even.astype(np.float32)


def ridge_measure(
    voxels: np.ndarray, voxel_um: np.ndarray, scales_um: tuple[float, ...], axial_blur_um: float
) -> np.ndarray:
    """Tube-likeness of every voxel, the largest over the scales, shape (Z, Y, X), float32.

    With the eigenvalues a <= b <= c of the second derivatives in units of the blur it is sqrt(a b) + min(c, 0) where
    a and b are negative, else 0: the curvature across a bright line, less what makes it a spot.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
    voxel_um : ndarray, shape (3,)
    scales_um : tuple of float
        Lateral sigmas, um.
    axial_blur_um : float
        Axial sigma of the microscope, um; added in quadrature to each lateral one.
    """
    ridge = np.zeros(voxels.shape, np.float32)
    for scale in scales_um:
        sigma = np.array([np.hypot(axial_blur_um, scale), scale, scale]) / voxel_um
        halo = int(np.ceil(_TRUNCATE * sigma[1])) + 3
        for first in range(0, voxels.shape[1], _BLOCK_ROWS):
            low, last = max(first - halo, 0), min(first + _BLOCK_ROWS, voxels.shape[1])
            block = _ridge_of_block(voxels[:, low : last + halo], sigma)
            part = ridge[:, first:last]
            np.maximum(part, block[:, first - low : last - low], out=part)
    return ridge


def _ridge_of_block(block: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    # Above and below the stack lies background: a spot on its first slice must not look like a tube along z.
    smooth = gaussian_filter(block, sigma, truncate=_TRUNCATE, mode=("constant", "nearest", "nearest"), cval=0)
    first = [_derivative(smooth, axis) * sigma[axis] for axis in range(3)]
    pairs = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
    second = [_derivative(first[i], j) * sigma[j] for i, j in pairs]
    candidates = np.flatnonzero((second[0] + second[1] + second[2]).ravel() < 0)
    a, b, c = symmetric_eigenvalues([part.ravel()[candidates] for part in second])
    ridge = np.zeros(block.size, np.float32)
    tube = np.sqrt(np.maximum(a * b, 0)) + np.minimum(c, 0)
    ridge[candidates] = np.where(b < 0, np.maximum(tube, 0), 0)
    return ridge.reshape(block.shape)


def _derivative(values: np.ndarray, axis: int) -> np.ndarray:
    if values.shape[axis] < 2:
        return np.zeros_like(values)
    return np.gradient(values, axis=axis)


def symmetric_eigenvalues(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues, smallest first, of symmetric 3 x 3 matrices given as arrays zz, yy, xx, zy, zx, yx.

    The trigonometric solution of the characteristic cubic.

    References
    ----------
    Smith OK (1961), Eigenvalues of a symmetric 3 x 3 matrix, Communications of the ACM 4:168,
    https://doi.org/10.1145/355578.366316
    """
    zz, yy, xx, zy, zx, yx = (part.astype(np.float64) for part in parts)
    mean = (zz + yy + xx) / 3
    zz, yy, xx = zz - mean, yy - mean, xx - mean
    spread = np.sqrt((zz**2 + yy**2 + xx**2 + 2 * (zy**2 + zx**2 + yx**2)) / 6)
    determinant = zz * (yy * xx - yx**2) - zy * (zy * xx - yx * zx) + zx * (zy * yx - yy * zx)
    cosine = np.clip(determinant / 2 / np.maximum(spread, 1e-30) ** 3, -1, 1)
    angle = np.arccos(cosine) / 3
    largest = mean + 2 * spread * np.cos(angle)
    smallest = mean + 2 * spread * np.cos(angle + 2 * np.pi / 3)
    return smallest, 3 * mean - smallest - largest, largest
