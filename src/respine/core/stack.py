"""A z-stack: the intensities of one channel of one session, with the size of a voxel.

Axes are (z, y, x) everywhere, in voxels and in micrometres. The centre of voxel (k, j, i) lies at
(k * voxel_z, j * voxel_y, i * voxel_x) um: slice 0 is at 0 um.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.core.errors import InputError


@dataclass(frozen=True, eq=False)
class Stack:
    """One channel of a z-stack.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Intensities of any real type; may be a memory map.
    voxel_um : tuple of float
        Size of a voxel (z, y, x), um.

    Raises
    ------
    InputError
        The array is not three-dimensional or empty, or a voxel size is not positive and finite.
    """

    voxels: np.ndarray
    voxel_um: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3 or self.voxels.size == 0:
            raise InputError(f"a stack needs a non-empty array (z, y, x); found shape {self.voxels.shape}")
        size = tuple(float(v) for v in self.voxel_um)
        if len(size) != 3 or not all(np.isfinite(v) and v > 0 for v in size):
            raise InputError(f"voxel_um must be three positive numbers (z, y, x) in um; found {self.voxel_um}")
        object.__setattr__(self, "voxel_um", size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels (z, y, x)."""
        return self.voxels.shape

    @property
    def extent_um(self) -> np.ndarray:
        """Position of the last voxel's centre (z, y, x), um."""
        return (np.array(self.shape) - 1) * np.array(self.voxel_um)

    def to_voxel(self, points_um: np.ndarray) -> np.ndarray:
        """Fractional voxel indices, shape (N, 3), of points in um, shape (N, 3)."""
        return np.asarray(points_um, float) / np.array(self.voxel_um)

    def distance_to_edge_um(self, points_um: np.ndarray) -> np.ndarray:
        """Distance of points (N, 3) to the nearest face of the stack, um, shape (N,); negative outside."""
        points = np.asarray(points_um, float)
        return np.minimum(points, self.extent_um - points).min(axis=-1)
