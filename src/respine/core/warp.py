"""The map from the reference frame of a field of view to the raw stack of one session.

A warp takes a point of the reference frame to where the same tissue lies in the session's raw stack:

    raw(p) = A p + t + displacement(p) + slice_shift(z of the result)

an affine part, a smooth displacement on a coarse grid (cubic between the nodes, constant beyond them), and the
lateral jump of every slice of the raw stack that motion during its acquisition caused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from respine.core.errors import InputError

_INVERSE_TOLERANCE_UM = 1e-3
_INVERSE_ITERATIONS = 50


@dataclass(frozen=True, eq=False)
class Warp:
    """Reference frame to raw stack.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        Affine part (z, y, x).
    offset_um : ndarray, shape (3,)
        Translation after the affine part, um.
    displacement_um : ndarray, shape (Gz, Gy, Gx, 3)
        Displacement (z, y, x) at the nodes of a grid over the reference frame, um.
    grid_origin_um, grid_step_um : ndarray, shape (3,)
        Position of the first node and distance between nodes, um.
    slice_shift_um : ndarray, shape (Z, 2)
        Lateral shift (y, x) of every slice of the raw stack, um; interpolated between slices.
    slice_um : float
        Distance between slices of the raw stack, um.
    """

    matrix: np.ndarray
    offset_um: np.ndarray
    displacement_um: np.ndarray
    grid_origin_um: np.ndarray
    grid_step_um: np.ndarray
    slice_shift_um: np.ndarray
    slice_um: float

    def __post_init__(self) -> None:
        expected = {"matrix": (3, 3), "offset_um": (3,), "grid_origin_um": (3,), "grid_step_um": (3,)}
        for name in (*expected, "displacement_um", "slice_shift_um"):
            value = np.array(getattr(self, name), dtype=float)
            if name in expected and value.shape != expected[name]:
                raise InputError(f"warp: {name} must have shape {expected[name]}; found {value.shape}")
            if not np.isfinite(value).all():
                raise InputError(f"warp: {name} holds a value that is not finite")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if self.displacement_um.ndim != 4 or self.displacement_um.shape[3] != 3:
            raise InputError(f"warp: displacement_um must be (z, y, x, 3); found {self.displacement_um.shape}")
        if self.slice_shift_um.ndim != 2 or self.slice_shift_um.shape[1] != 2:
            raise InputError(f"warp: slice_shift_um must be (slices, 2); found {self.slice_shift_um.shape}")

    @classmethod
    def from_affine(cls, matrix: np.ndarray, offset_um: np.ndarray) -> Warp:
        """Build a warp that is only affine."""
        return cls(matrix, offset_um, np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3), np.zeros((1, 2)), 1.0)

    @classmethod
    def identity(cls) -> Warp:
        """Build the warp that leaves every point where it is."""
        return cls.from_affine(np.eye(3), np.zeros(3))

    def without_slice_motion(self) -> Warp:
        """Return the affine and smooth parts alone."""
        return replace(self, slice_shift_um=np.zeros((1, 2)))

    def apply(self, points_um: np.ndarray) -> np.ndarray:
        """Take points of the reference frame, shape (N, 3), to the raw stack, shape (N, 3), um."""
        points = np.asarray(points_um, float)
        smooth = points @ self.matrix.T + self.offset_um + self._displacement_at(points)
        at_slice = np.clip(smooth[:, 0] / self.slice_um, 0, len(self.slice_shift_um) - 1)
        known = np.arange(len(self.slice_shift_um))
        for axis in (0, 1):
            smooth[:, axis + 1] += np.interp(at_slice, known, self.slice_shift_um[:, axis])
        return smooth

    def inverse(self, points_um: np.ndarray) -> np.ndarray:
        """Take points of the raw stack, shape (N, 3), to the reference frame, shape (N, 3), um.

        Raises
        ------
        InputError
            The warp folds there, so that no inverse is found to within 0.001 um.
        """
        target = np.asarray(points_um, float)
        back = np.linalg.inv(self.matrix)
        guess = (target - self.offset_um) @ back.T
        for _ in range(_INVERSE_ITERATIONS):
            error = target - self.apply(guess)
            if np.abs(error).max(initial=0.0) < _INVERSE_TOLERANCE_UM:
                return guess
            guess = guess + error @ back.T
        raise InputError("the warp cannot be inverted at every point: it folds or is too steep there")

    def _displacement_at(self, points_um: np.ndarray) -> np.ndarray:
        nodes = ((points_um - self.grid_origin_um) / self.grid_step_um).T
        axes = [map_coordinates(self.displacement_um[..., axis], nodes, order=3, mode="nearest") for axis in range(3)]
        return np.stack(axes, axis=1)
