"""All sessions of a field of view brought into one frame: that of the reference session without its slice motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from respine.core.errors import InputError
from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.nonrigid import Matches, match_through, place_blocks
from respine.structure.quality import StackQuality
from respine.structure.resample import resample
from respine.structure.rigid import RigidFit, align_rigidly
from respine.structure.smooth_field import SmoothField, fit_smooth_field
from respine.structure.working_image import WorkingImage, bin_image, highlight_structure, reduce_stack

_FOLDS = 5
_TRUSTED_WEIGHT = 0.25


class RegisterSettings(StageSettings):
    """Settings of the registration of a session to the reference session."""

    step_um: float = Field(0.24, gt=0)
    """Lateral voxel size at which blocks are matched; never finer than the stack's own."""
    search_um: float = Field(30.0, ge=0)
    """Largest lateral shift of the field that is looked for."""
    search_z_um: float = Field(15.0, ge=0)
    """Largest axial shift that is looked for."""
    search_deg: float = Field(8.0, ge=0)
    """Largest rotation about z that is looked for."""
    min_overlap: float = Field(0.2, gt=0, le=1)
    """Smallest share of the reference that the session must show."""
    block_um: tuple[float, float, float] = (9.0, 8.0, 8.0)
    """Size of a matched block (z, y, x) in the last pass; the first pass takes blocks 1.5 times as large."""
    block_search_um: tuple[float, float, float] = (3.0, 1.5, 1.5)
    """How far a block is looked for around its expected place in the last pass; twice as far in the first."""
    block_contrast: float = Field(2.0, gt=0)
    """A block is matched if it varies this many times as much as the quietest tenth of the blocks."""
    max_blocks: int = Field(1500, gt=0)
    """Most blocks matched in a pass."""
    node_um: tuple[float, float, float] = (12.0, 12.0, 12.0)
    """Distance (z, y, x) between the nodes of the displacement field."""
    bending: float = Field(0.3, gt=0)
    """Stiffness of the displacement field, matched blocks per um."""
    min_score: float = Field(0.5, ge=0, le=1)
    """Correlation from which a block counts as matched."""
    min_rigid_score: float = Field(0.2, ge=0, le=1)
    """A session that correlates less with the reference after the rigid alignment is refused."""
    min_matched_fraction: float = Field(0.2, ge=0, le=1)
    """A session of which a smaller share of the blocks with structure is matched is refused."""
    max_residual_um: float = Field(1.5, gt=0)
    """A session whose matched blocks lie farther apart laterally (median) is refused."""


@dataclass(frozen=True, eq=False)
class Registration:
    """How one session lies relative to the reference session.

    Parameters
    ----------
    warp : Warp
        Reference frame to this session's raw stack, its slice motion included.
    residual_um, residual_z_um : float
        Median distance, laterally and axially, between where a block was found and where the warp fitted without that
        part of the field takes it; NaN if nothing was matched.
    matched_fraction : float
        Share of the blocks with structure that were found and agree with their neighbours.
    shift_um : ndarray, shape (3,)
        Mean displacement (z, y, x) of the matched tissue from the reference to this session.
    rotation_deg : float
        Rotation about z of the affine part.
    warp_um : float
        Root mean square of the non-rigid part over the matched blocks.
    scorable : bool
        Whether the session could be aligned.
    reason : str or None
        Why not: what was found and what was expected.
    """

    warp: Warp
    residual_um: float
    residual_z_um: float
    matched_fraction: float
    shift_um: np.ndarray
    rotation_deg: float
    warp_um: float
    scorable: bool
    reason: str | None = None


def choose_reference(qualities: Sequence[StackQuality]) -> int:
    """Choose the session that the others are aligned to: the sharpest of those with a good signal.

    Returns the index of the largest snr / (sharpness and slice jitter combined); of equal ones the first.

    Raises
    ------
    InputError
        There is no session.
    """
    if not qualities:
        raise InputError("choosing a reference needs at least one session; found none")
    return int(np.argmax([_merit(quality) for quality in qualities]))


def _merit(quality):
    if not np.isfinite(quality.snr):
        return -np.inf
    width = quality.sharpness_um if np.isfinite(quality.sharpness_um) else 2.0
    return quality.snr / np.hypot(width, 2 * quality.slice_jitter_um)


def register_reference(reference: Stack, quality: StackQuality) -> Registration:
    """Give the reference session's own registration: nothing but its slice motion."""
    warp = _build_warp(np.eye(3), np.zeros(3), None, reference, quality)
    return Registration(warp, 0.0, 0.0, 1.0, np.zeros(3), 0.0, 0.0, True)


def register_stack(
    reference: Stack,
    moving: Stack,
    reference_quality: StackQuality,
    moving_quality: StackQuality,
    settings: RegisterSettings,
) -> Registration:
    """Align a session to the reference session, first rigidly, then following the bending of the tissue.

    Parameters
    ----------
    reference, moving : Stack
        The raw stacks; their sizes and voxels may differ.
    reference_quality, moving_quality : StackQuality
        What `assess_stack` found for each.
    settings : RegisterSettings
        How.

    Returns
    -------
    Registration
        With ``scorable`` false and a reason where the session cannot be aligned.
    """
    fixed = _working(reference, reference_quality, settings)
    fixed = _without_slice_motion(fixed, reference_quality)
    other = _without_slice_motion(_working(moving, moving_quality, settings), moving_quality)
    rigid = _align_coarsely(fixed, other, settings)
    if rigid.score < settings.min_rigid_score:
        reason = (
            f"the images correlate by {rigid.score:.2f} at the best shift and rotation; "
            f"expected at least {settings.min_rigid_score:.2f}"
        )
        return _refuse(rigid, moving, moving_quality, 0.0, reason)
    matrix, offset, field = rigid.matrix, rigid.offset_um, None
    for scale in (2.0, 1.0):
        matches = _match(fixed, other, matrix, offset, field, scale, settings)
        if len(matches.score) < 4:
            reason = (
                f"{len(matches.score)} of {matches.tried} image blocks with structure were matched; expected at least 4"
            )
            return _refuse(rigid, moving, moving_quality, 0.0, reason)
        matrix, offset, field, target, weight = _fit(matches, matrix, offset, field, fixed, scale, settings)
    agree = (weight > _TRUSTED_WEIGHT) & (matches.score > settings.min_score)
    fraction = float(agree.sum() / max(matches.tried, 1))
    if fraction < settings.min_matched_fraction:
        reason = (
            f"{fraction:.0%} of the image blocks with structure were matched; "
            f"expected at least {settings.min_matched_fraction:.0%}"
        )
        return _refuse(rigid, moving, moving_quality, fraction, reason)
    lateral, axial = _held_out_residual(matches, target, agree, matrix, offset, fixed, settings)
    points = matches.points_um[agree]
    bend = field.at(points)
    reason = None
    if lateral > settings.max_residual_um:
        reason = f"matched blocks lie {lateral:.2f} um apart; expected at most {settings.max_residual_um:.2f} um"
    return Registration(
        warp=_build_warp(matrix, offset, field, moving, moving_quality),
        residual_um=lateral,
        residual_z_um=axial,
        matched_fraction=fraction,
        shift_um=(points @ matrix.T + offset + bend - points).mean(axis=0),
        rotation_deg=float(np.rad2deg(np.arctan2(matrix[1, 2] - matrix[2, 1], matrix[1, 1] + matrix[2, 2]))),
        warp_um=float(np.sqrt((bend**2).sum(axis=1).mean())),
        scorable=reason is None,
        reason=reason,
    )


def _working(stack, quality, settings):
    return reduce_stack(stack, settings.step_um, quality.background, quality.noise_gain, quality.noise_floor)


def _without_slice_motion(image, quality):
    voxels = resample(image.voxels, image.lattice, image.lattice, lambda p: p, quality.slice_shift_um)
    return WorkingImage(np.nan_to_num(voxels, copy=False), image.lattice)


def _align_coarsely(fixed, other, settings) -> RigidFit:
    coarse = [_coarse_image(image) for image in (fixed, other)]
    reach = np.array([settings.search_z_um, settings.search_um, settings.search_um])
    angles = np.arange(-np.ceil(settings.search_deg), np.ceil(settings.search_deg) + 1)
    return align_rigidly(*coarse, reach, angles, settings.min_overlap)


def _coarse_image(image):
    wanted = np.array([2.0, 1.44, 1.44])
    factor = np.maximum(1, np.round(wanted / image.lattice.step_um)).astype(int)
    small = bin_image(image, tuple(factor))
    return WorkingImage(highlight_structure(small, 1.0, 6.0), small.lattice)


def _smooth_map(matrix, offset, field):
    if field is None:
        return lambda points: points @ matrix.T + offset
    return lambda points: points @ matrix.T + offset + field.at(points)


def _match(fixed, other, matrix, offset, field, scale, settings) -> Matches:
    """One pass of block matching; `scale` is 1 for the last, larger for coarser ones."""
    binning = (1, 3, 3) if scale > 1 else (1, 1, 1)
    images = []
    for image in (fixed, other):
        small = bin_image(image, binning) if scale > 1 else image
        images.append(WorkingImage(highlight_structure(small, 0.25 * scale, 4.0), small.lattice))
    step = images[0].lattice.step_um
    size = np.array(images[0].lattice.shape)
    block = np.array(settings.block_um) * (1.5 if scale > 1 else 1.0)
    block = np.clip(np.round(block / step).astype(int), 1, np.maximum(size // 2, 1))
    search = np.maximum(np.round(np.array(settings.block_search_um) * scale / step), 1).astype(int)
    corners = place_blocks(images[0].voxels, block, settings.block_contrast, settings.max_blocks)
    floor_um = np.array([0.3, 0.1, 0.1])
    return match_through(*images, _smooth_map(matrix, offset, field), corners, block, search, floor_um)


def _fit(matches, matrix, offset, field, fixed, scale, settings):
    """Fit affine and smooth parts to the matches; returns them, the displacement left to the affine, and weights."""
    points = matches.points_um
    found = _smooth_map(matrix, offset, field)(points) + matches.displacement_um @ matrix.T
    information = np.einsum("ab,nbc,dc->nad", matrix, matches.information, matrix)
    weight = (1 + np.linalg.norm(found - points @ matrix.T - offset, axis=1) ** 2 / 25.0) ** -1
    for _ in range(2):
        matrix, offset = _fit_affine(points, found, information * weight[:, None, None], matrix, offset)
        target = found - points @ matrix.T - offset
        new, weight = _fit_field(points, target, information, fixed, scale, settings)
    return matrix, offset, new, found, weight


def _fit_field(points, target, information, fixed, scale, settings):
    node = np.array(settings.node_um) * (1.5 if scale > 1 else 1.0)
    return fit_smooth_field(
        points, target, information, fixed.lattice.end_um, node, settings.bending * (3 if scale > 1 else 1)
    )


def _fit_affine(points, found, information, matrix, offset):
    """Weighted least squares for an affine map, drawn to the one before where the points do not decide it."""
    middle = points.mean(axis=0)
    spread = np.maximum(points.std(axis=0), 1.0)
    terms = np.column_stack([np.ones(len(points)), (points - middle) / spread])
    design = np.einsum("nk,ij->nikj", terms, np.eye(3)).reshape(len(points), 3, 12)
    left = found - points @ matrix.T - offset
    normal = np.einsum("nia,nij,njb->ab", design, information, design) + np.diag(np.repeat([1e-3, 20, 20, 20], 3))
    change = np.linalg.solve(normal, np.einsum("nia,nij,nj->a", design, information, left)).reshape(4, 3)
    turn = change[1:].T / spread
    return matrix + turn, offset + change[0] - turn @ middle


def _held_out_residual(matches, found, agree, matrix, offset, fixed, settings):
    """Median lateral and axial distance of blocks from fields fitted without their part of the image."""
    points, information = matches.points_um, np.einsum("ab,nbc,dc->nad", matrix, matches.information, matrix)
    target = found - points @ matrix.T - offset
    tile = np.floor(points / (2 * np.array(settings.block_um))).astype(int)
    fold = (tile @ np.array([1, 2, 3])) % _FOLDS
    left = np.full(target.shape, np.nan)
    for held in range(_FOLDS):
        out = fold == held
        if out.any() and (~out).sum() >= 4:
            field, _ = _fit_field(points[~out], target[~out], information[~out], fixed, 1.0, settings)
            left[out] = target[out] - field.at(points[out])
    # Along a straight dendrite a block does not know its place: what it lacks there says nothing about the warp.
    known = agree & np.isfinite(left).all(axis=1) & (np.linalg.eigvalsh(information[:, 1:, 1:])[:, 0] > 0.5**-2)
    if known.sum() < 10:
        known = agree & np.isfinite(left).all(axis=1)
    if not known.any():
        return np.nan, np.nan
    return float(np.median(np.linalg.norm(left[known, 1:], axis=1))), float(np.median(np.abs(left[known, 0])))


def _build_warp(matrix, offset, field: SmoothField | None, stack: Stack, quality: StackQuality) -> Warp:
    if field is None:
        field = SmoothField(np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3))
    return Warp(
        matrix, offset, field.nodes_um, field.origin_um, field.step_um, quality.slice_shift_um, stack.voxel_um[0]
    )


def _refuse(rigid, moving, quality, fraction, reason):
    warp = _build_warp(rigid.matrix, rigid.offset_um, None, moving, quality)
    missing = np.full(3, np.nan)
    return Registration(warp, np.nan, np.nan, fraction, missing, np.nan, np.nan, False, reason)
