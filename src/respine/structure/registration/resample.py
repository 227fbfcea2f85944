"""Images taken through a warp onto a regular lattice, by linear interpolation, without large intermediates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

# Coordinates are computed at every so many lattice points of a plane and interpolated between them:
# a warp bends over micrometres, not over voxels.
_PATCH = 8


@dataclass(frozen=True, eq=False)
class Lattice:
    """A regular lattice of points: the place of its first point and the step between points, um.

    Parameters
    ----------
    shape : tuple of int
        Number of points (z, y, x).
    origin_um, step_um : ndarray, shape (3,)
        First point and distance between points (z, y, x), um.
    """

    shape: tuple[int, int, int]
    origin_um: np.ndarray
    step_um: np.ndarray

    def to_um(self, index: np.ndarray) -> np.ndarray:
        """Positions, um, of fractional indices, shape (N, 3)."""
        return np.asarray(index, float) * self.step_um + self.origin_um

    def to_index(self, points_um: np.ndarray) -> np.ndarray:
        """Fractional indices of positions, um, shape (N, 3)."""
        return (np.asarray(points_um, float) - self.origin_um) / self.step_um

    @property
    def end_um(self) -> np.ndarray:
        """Place of the last point, um."""
        return self.to_um(np.array(self.shape) - 1)


def resample(
    voxels: np.ndarray,
    source: Lattice,
    target: Lattice,
    to_source: Callable[[np.ndarray], np.ndarray],
    slice_shift_um: np.ndarray | None = None,
) -> np.ndarray:
    """Sample an image at the points of a lattice, taken through a smooth map.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        The image, on `source`.
    source, target : Lattice
        Where the image's voxels lie, and where it is wanted.
    to_source : callable
        Takes points (N, 3) of the target's frame to the source's frame, um; smooth over 8 lattice points.
    slice_shift_um : ndarray, shape (Z, 2) or fewer rows, optional
        Lateral displacement (y, x) of every slice of the image, added after `to_source`; the last holds for the rest.

    Returns
    -------
    ndarray of float32, the target's shape; NaN where the source does not reach.
    """
    voxels = _compilable(voxels)
    out = np.empty(target.shape, np.float32)
    shift = np.zeros((voxels.shape[0], 2)) if slice_shift_um is None else np.asarray(slice_shift_um, float)
    # Slices beyond the last that is known move with it, as in a warp; compiled code reads past an end unasked.
    shift = shift[np.minimum(np.arange(voxels.shape[0]), len(shift) - 1)] / source.step_um[1:]
    rows = np.arange(0, target.shape[1] + _PATCH, _PATCH)
    columns = np.arange(0, target.shape[2] + _PATCH, _PATCH)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    for z in range(target.shape[0]):
        nodes = np.stack([np.full(y.size, z), y.ravel(), x.ravel()], axis=1)
        places = source.to_index(to_source(target.to_um(nodes))).reshape(*y.shape, 3)
        _sample_plane(voxels, places, shift, out[z])
    return out


def _compilable(voxels):
    """Give the image in a type that compiled code reads: in the machine's byte order, and no half floats."""
    if voxels.dtype == np.float16:
        return voxels.astype(np.float32)
    if not voxels.dtype.isnative:
        return voxels.astype(voxels.dtype.newbyteorder("="))
    return voxels


@numba.njit(nogil=True)
def _sample_plane(voxels, places, shift, out):
    depth, height, width = voxels.shape
    for j in range(out.shape[0]):
        gj, fj = j // _PATCH, (j % _PATCH) / _PATCH
        for i in range(out.shape[1]):
            gi, fi = i // _PATCH, (i % _PATCH) / _PATCH
            a, b = (1 - fj) * (1 - fi), (1 - fj) * fi
            c, d = fj * (1 - fi), fj * fi
            p, q = places[gj, gi], places[gj, gi + 1]
            r, s = places[gj + 1, gi], places[gj + 1, gi + 1]
            z = a * p[0] + b * q[0] + c * r[0] + d * s[0]
            y = a * p[1] + b * q[1] + c * r[1] + d * s[1]
            x = a * p[2] + b * q[2] + c * r[2] + d * s[2]
            # Rounding must not turn the last slice into one outside.
            if z < -1e-6 or z > depth - 1 + 1e-6:
                out[j, i] = np.nan
                continue
            below = min(max(int(np.floor(z)), 0), depth - 1)
            above = min(below + 1, depth - 1)
            part = min(max(z - below, 0.0), 1.0)
            value = 0.0
            for which in range(2):
                k = below if which == 0 else above
                weight = 1.0 - part if which == 0 else part
                if weight == 0.0:
                    continue
                v, u = y + shift[k, 0], x + shift[k, 1]
                if v < -1e-6 or u < -1e-6 or v > height - 1 + 1e-6 or u > width - 1 + 1e-6:
                    value = np.nan
                    break
                v0 = min(max(int(np.floor(v)), 0), height - 1)
                u0 = min(max(int(np.floor(u)), 0), width - 1)
                v1, u1 = min(v0 + 1, height - 1), min(u0 + 1, width - 1)
                fv, fu = v - v0, u - u0
                top = (1 - fu) * voxels[k, v0, u0] + fu * voxels[k, v0, u1]
                bottom = (1 - fu) * voxels[k, v1, u0] + fu * voxels[k, v1, u1]
                value += weight * ((1 - fv) * top + fv * bottom)
            out[j, i] = value
