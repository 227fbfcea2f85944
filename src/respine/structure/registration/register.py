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
from respine.structure.registration.nonrigid import Matches, match_through, place_blocks
from respine.structure.registration.quality import StackQuality
from respine.structure.registration.resample import resample
from respine.structure.registration.rigid import RigidFit, align_rigidly
from respine.structure.registration.slice_motion import fit_slice_shift
from respine.structure.registration.tissue_map import FieldGrid, TissueMap, fit_tissue_map, held_out_residual
from respine.structure.registration.working_image import WorkingImage, bin_image, highlight_structure, reduce_stack

_TRUSTED_WEIGHT = 0.25
_MIN_MATCHES = 4
_COARSE_STEP_UM = np.array([2.0, 1.44, 1.44])
# No match is trusted beyond this standard deviation (z, y, x), um.
_MATCH_FLOOR_UM = np.array([0.3, 0.1, 0.1])
_HAZE_UM = 4.0


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
    min_overlap: float = Field(0.3, gt=0, le=1)
    """Smallest share of the reference that the session must show."""
    block_um: tuple[float, float, float] = (9.0, 8.0, 8.0)
    """Size of a matched block (z, y, x) in the last pass; the first pass takes blocks 1.5 times as large."""
    block_search_um: tuple[float, float, float] = (3.0, 1.5, 1.5)
    """How far a block is looked for around its expected place in the last pass; twice as far in the first."""
    block_contrast: float = Field(2.0, gt=0)
    """A block is matched if it varies this many times as much as the noise."""
    max_blocks: int = Field(1500, gt=0)
    """Most blocks matched in a pass."""
    node_um: tuple[float, float, float] = (12.0, 12.0, 12.0)
    """Distance (z, y, x) between the nodes of the displacement field."""
    bending: float = Field(0.3, gt=0)
    """Stiffness of the displacement field, matched blocks per um."""
    slice_tile_um: float = Field(8.0, gt=0)
    """Side of the tiles by which every slice is aligned to the reference."""
    slice_search_um: float = Field(1.5, gt=0)
    """How far a slice may lie displaced from the smooth warp beyond the motion found within its stack."""
    min_score: float = Field(0.5, ge=0, le=1)
    """Correlation from which a block counts as matched."""
    min_rigid_score: float = Field(0.2, ge=0, le=1)
    """A session that correlates less with the reference after the rigid alignment is refused."""
    min_matched_fraction: float = Field(0.35, ge=0, le=1)
    """A session of which a smaller share of the blocks with structure is matched is refused."""
    max_stretch: float = Field(0.15, gt=0)
    """A session whose affine part stretches or squeezes by more than this share in some direction is refused."""
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
    warp = _build_warp(TissueMap.from_rigid(np.eye(3), np.zeros(3)), quality.slice_shift_um, reference)
    return Registration(warp, 0.0, 0.0, 1.0, np.zeros(3), 0.0, 0.0, True)


def register_stack(
    reference: Stack,
    moving: Stack,
    reference_quality: StackQuality,
    moving_quality: StackQuality,
    settings: RegisterSettings,
) -> Registration:
    """Align a session to the reference session: rigidly, then following the bending of the tissue, then slice by slice.

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
    fixed = _still(_reduce(reference, reference_quality, settings), reference_quality.slice_shift_um)
    other = _reduce(moving, moving_quality, settings)
    slices = moving_quality.slice_shift_um
    rigid = _align_coarsely(fixed, other, settings)
    start = TissueMap.from_rigid(rigid.matrix, rigid.offset_um)
    if rigid.score < settings.min_rigid_score:
        reason = (
            f"the images correlate by {rigid.score:.2f} at the best shift and rotation; "
            f"expected at least {settings.min_rigid_score:.2f}"
        )
        return _refuse(start, slices, moving, 0.0, reason)
    before = start
    for scale in (2, 1):
        matches = _match(fixed, other, before, slices, scale, settings)
        if len(matches.score) < _MIN_MATCHES:
            reason = (
                f"{len(matches.score)} of {matches.tried} image blocks with structure were matched; "
                f"expected at least {_MIN_MATCHES}"
            )
            return _refuse(start, slices, moving, 0.0, reason)
        grid = _grid(fixed, scale, settings)
        after, weight = fit_tissue_map(matches, before, grid)
        if scale > 1:
            slices = slices + _slice_rest(fixed, other, after, slices, settings)
            before = after
    agree = (weight > _TRUSTED_WEIGHT) & (matches.score > settings.min_score)
    fraction = float(agree.sum() / max(matches.tried, 1))
    if fraction < settings.min_matched_fraction:
        reason = (
            f"{fraction:.0%} of the image blocks with structure were matched; "
            f"expected at least {settings.min_matched_fraction:.0%}"
        )
        return _refuse(start, slices, moving, fraction, reason)
    residual = held_out_residual(matches, before, after, weight, agree, grid)
    return _conclude(after, slices, moving, matches.points_um[agree], fraction, residual, settings)


def _reduce(stack, quality, settings):
    return reduce_stack(stack, settings.step_um, quality.background, quality.noise_gain, quality.noise_floor)


def _still(image, slice_shift_um):
    """Take the slice motion out of an image."""
    voxels = resample(image.voxels, image.lattice, image.lattice, lambda p: p, slice_shift_um)
    return WorkingImage(np.nan_to_num(voxels, copy=False), image.lattice)


def _align_coarsely(fixed, other, settings) -> RigidFit:
    coarse = []
    for image in (fixed, other):
        factor = np.maximum(1, np.round(_COARSE_STEP_UM / image.lattice.step_um)).astype(int)
        coarse.append(_highlight(bin_image(image, tuple(factor)), 1.0, 6.0))
    reach = np.array([settings.search_z_um, settings.search_um, settings.search_um])
    last = np.ceil(settings.search_deg)
    return align_rigidly(*coarse, reach, np.arange(-last, last + 1), settings.min_overlap)


def _highlight(image, fine_um, coarse_um):
    return WorkingImage(highlight_structure(image, fine_um, coarse_um), image.lattice)


def _match(fixed, other, through, slices, scale, settings) -> Matches:
    """One pass of block matching; `scale` is 1 for the last pass and 2 for a coarser one."""
    if scale > 1:
        fixed, other = bin_image(fixed, (1, 3, 3)), bin_image(other, (1, 3, 3))
    fixed, other = _highlight(fixed, 0.25 * scale, _HAZE_UM), _highlight(other, 0.25 * scale, _HAZE_UM)
    step, size = fixed.lattice.step_um, np.array(fixed.lattice.shape)
    block = np.array(settings.block_um) * (1 + scale) / 2
    block = np.clip(np.round(block / step).astype(int), 1, np.maximum(size // 2, 1))
    search = np.maximum(np.round(np.array(settings.block_search_um) * scale / step), 1).astype(int)
    corners = place_blocks(fixed.voxels, block, settings.block_contrast, settings.max_blocks)
    return match_through(fixed, other, through, slices, corners, block, search, _MATCH_FLOOR_UM)


def _grid(fixed, scale, settings):
    """Nodes of the field; a coarse pass, whose matches are fewer and less sure, gets a stiffer one."""
    node = np.array(settings.node_um) * (1 + scale) / 2
    return FieldGrid(fixed.lattice.end_um, node, settings.bending * (2 * scale - 1))


def _slice_rest(fixed, other, through, slices, settings):
    """Displacement of every slice of the session from the map so far, (Z, 2), in the session's axes."""
    fixed, other = bin_image(fixed, (1, 2, 2)), bin_image(other, (1, 2, 2))
    fixed, other = _highlight(fixed, 0.25, _HAZE_UM), _highlight(other, 0.25, _HAZE_UM)
    near = resample(other.voxels, other.lattice, fixed.lattice, through, slices)
    rest = fit_slice_shift(
        fixed,
        near,
        lambda points: through(points)[:, 0] / other.lattice.step_um[0],
        len(slices),
        settings.slice_tile_um,
        settings.slice_search_um,
        settings.block_contrast,
    )
    return rest @ through.matrix[1:, 1:].T


def _conclude(through, slices, moving, points, fraction, residual, settings):
    bend = through.field.at(points)
    reason = None
    stretch = float(np.abs(np.log(np.linalg.svd(through.matrix, compute_uv=False))).max())
    if stretch > settings.max_stretch:
        reason = f"the best map stretches the tissue by {stretch:.0%}; expected at most {settings.max_stretch:.0%}"
    elif residual[0] > settings.max_residual_um:
        reason = f"matched blocks lie {residual[0]:.2f} um apart; expected at most {settings.max_residual_um:.2f} um"
    return Registration(
        warp=_build_warp(through, slices, moving),
        residual_um=residual[0],
        residual_z_um=residual[1],
        matched_fraction=fraction,
        shift_um=(through(points) - points).mean(axis=0),
        rotation_deg=through.rotation_deg,
        warp_um=float(np.sqrt((bend**2).sum(axis=1).mean())),
        scorable=reason is None,
        reason=reason,
    )


def _build_warp(through: TissueMap, slices, stack: Stack) -> Warp:
    field = through.field
    return Warp(
        through.matrix, through.offset_um, field.nodes_um, field.origin_um, field.step_um, slices, stack.voxel_um[0]
    )


def _refuse(start, slices, moving, fraction, reason):
    warp = _build_warp(start, slices, moving)
    missing = np.full(3, np.nan)
    return Registration(warp, np.nan, np.nan, fraction, missing, np.nan, np.nan, False, reason)
