"""The smooth part of a registration: an affine map and a displacement field, fitted to matched blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from respine.structure.registration.nonrigid import Matches
from respine.structure.registration.smooth_field import SmoothField, fit_smooth_field

_FOLDS = 5
_AFFINE_ROUNDS = 2
# Before anything else is known, blocks farther than this from where they were expected count for less, um.
_FIRST_TRUST_UM = 5.0
# How strongly the affine part is drawn to the one before: against its shift, and against its linear part.
_HOLD_SHIFT, _HOLD_LINEAR = 1e-3, 20.0


@dataclass(frozen=True, eq=False)
class TissueMap:
    """Reference frame to a session's frame without its slice motion: ``matrix @ p + offset + field(p)``, um."""

    matrix: np.ndarray
    offset_um: np.ndarray
    field: SmoothField

    @classmethod
    def from_rigid(cls, matrix: np.ndarray, offset_um: np.ndarray) -> TissueMap:
        """Build a map without bending."""
        return cls(matrix, offset_um, SmoothField(np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3)))

    def __call__(self, points_um: np.ndarray) -> np.ndarray:
        """Take points of the reference frame (N, 3) to the session, um."""
        return points_um @ self.matrix.T + self.offset_um + self.field.at(points_um)

    @property
    def rotation_deg(self) -> float:
        """Rotation about z of the affine part."""
        m = self.matrix
        return float(np.rad2deg(np.arctan2(m[1, 2] - m[2, 1], m[1, 1] + m[2, 2])))


@dataclass(frozen=True, eq=False)
class FieldGrid:
    """Extent, distance between nodes (z, y, x), um, and stiffness of a displacement field."""

    extent_um: np.ndarray
    node_um: np.ndarray
    bending: float


def fit_tissue_map(matches: Matches, before: TissueMap, grid: FieldGrid) -> tuple[TissueMap, np.ndarray]:
    """Fit the affine part and the field to matches that were found through the map before.

    Returns
    -------
    TissueMap
    weight : ndarray, shape (N,)
        1 for a block that agrees with its neighbours, 0 for one that does not.
    """
    points, found, information = _targets(matches, before)
    matrix, offset = before.matrix, before.offset_um
    far = np.linalg.norm(found - points @ matrix.T - offset, axis=1)
    weight = 1 / (1 + (far / _FIRST_TRUST_UM) ** 2)
    for _ in range(_AFFINE_ROUNDS):
        matrix, offset = _fit_affine(points, found, information * weight[:, None, None], matrix, offset)
        left = found - points @ matrix.T - offset
        field, weight = fit_smooth_field(points, left, information, grid.extent_um, grid.node_um, grid.bending)
    return TissueMap(matrix, offset, field), weight


def held_out_residual(
    matches: Matches, before: TissueMap, after: TissueMap, weight: np.ndarray, used: np.ndarray, grid: FieldGrid
) -> tuple[float, float]:
    """Median distance of blocks from fields fitted without their part of the image.

    Parameters
    ----------
    matches : Matches
        As given to `fit_tissue_map`, with the map `before` it and the map and the weights it returned.
    used : ndarray of bool, shape (N,)
        The blocks that count as matched.
    grid : FieldGrid
        Of the field.

    Returns
    -------
    lateral_um, axial_um : float
        NaN where no block can be held out.
    """
    points, found, information = _targets(matches, before)
    target = found - points @ after.matrix.T - after.offset_um
    side = np.minimum(1.5 * grid.node_um, np.maximum(grid.extent_um / 3, 1.0))
    tile = np.floor(points / side).astype(int)
    fold = (tile @ np.array([1, 2, 3])) % _FOLDS
    left = np.full(target.shape, np.nan)
    weighted = information * weight[:, None, None]
    for held in range(_FOLDS):
        out = fold == held
        if out.any() and not out.all():
            field, _ = fit_smooth_field(
                points[~out], target[~out], weighted[~out], grid.extent_um, grid.node_um, grid.bending, iterations=1
            )
            left[out] = target[out] - field.at(points[out])
    known = used & np.isfinite(left).all(axis=1)
    # Along a straight dendrite a block does not know its place: what it lacks there says nothing about the map.
    sure = known & (np.linalg.eigvalsh(information[:, 1:, 1:])[:, 0] > 0.5**-2)
    known = sure if sure.sum() >= 10 else known
    if not known.any():
        return np.nan, np.nan
    return float(np.median(np.linalg.norm(left[known, 1:], axis=1))), float(np.median(np.abs(left[known, 0])))


def _targets(matches, before):
    """Points, where they were found in the session's frame, and the information in that frame's axes."""
    found = before(matches.points_um) + matches.displacement_um @ before.matrix.T
    return matches.points_um, found, np.einsum("ab,nbc,dc->nad", before.matrix, matches.information, before.matrix)


def _fit_affine(points, found, information, matrix, offset):
    """Weighted least squares for an affine map, drawn to the one before where the points do not decide it."""
    middle = points.mean(axis=0)
    spread = np.maximum(points.std(axis=0), 1.0)
    terms = np.column_stack([np.ones(len(points)), (points - middle) / spread])
    design = np.einsum("nk,ij->nikj", terms, np.eye(3)).reshape(len(points), 3, 12)
    left = found - points @ matrix.T - offset
    hold = np.diag(np.repeat([_HOLD_SHIFT, _HOLD_LINEAR, _HOLD_LINEAR, _HOLD_LINEAR], 3))
    normal = np.einsum("nia,nij,njb->ab", design, information, design, optimize=True) + hold
    right = np.einsum("nia,nij,nj->a", design, information, left, optimize=True)
    change = np.linalg.solve(normal, right).reshape(4, 3)
    turn = change[1:].T / spread
    return matrix + turn, offset + change[0] - turn @ middle
