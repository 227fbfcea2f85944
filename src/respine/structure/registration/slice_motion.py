"""The lateral jump of every slice of a stack, told apart from structures that run obliquely through it.

Tiles of each slice are matched in the next slices. A dendrite that runs obliquely shifts from slice to slice too, but
steadily and each in its own direction, while a jump of the tissue is common to all tiles of a slice and does not
persist. So every tile gets a trend of its own that changes slowly with depth, and the jumps are what is common beyond.
A steady drift of the whole tissue is thereby left in the stack: within one stack it cannot be told from anatomy.

Symbols: Z slices, M matches, T tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import block_array, block_diag, coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg

from respine.structure.registration.block_match import match_blocks
from respine.structure.registration.working_image import WorkingImage, highlight_structure

_POINTS_IN_TILE = 20.0
# No tile is trusted beyond this standard deviation, um: between neighbouring slices, and against the reference, where
# the map so far errs by as much.
_NEIGHBOUR_FLOOR_UM, _REFERENCE_FLOOR_UM = 0.05, 0.2
# What is expected to be left of the slices' displacements when they are compared with the reference, um.
_REST_UM = 0.2
# What is expected of the jumps, and of the change from slice to slice of the course that all tiles share and of each
# tile's own, um. The first two decide what counts as a jump: what comes back within about ten slices.
_JUMP_UM, _COURSE_CHANGE_UM, _TREND_CHANGE_UM, _TREND_UM = 0.5, 0.08, 0.1, 1.0
_ITERATIONS = 6
_TOLERANCE, _SOLVER_STEPS = 1e-5, 1000
_OUTLIER = 9.0
_MIN_SCORE = 0.4


def estimate_slice_shift(
    image: WorkingImage, tile_um: float, search_um: float, blur_um: float, min_contrast: float
) -> np.ndarray:
    """Estimate how far each slice lies displaced from the smooth course of its neighbours.

    Parameters
    ----------
    image : WorkingImage
        The stack, reduced and with equal noise.
    tile_um, search_um : float
        Side of a tile, and the largest jump looked for.
    blur_um : float
        Lateral blur against noise.
    min_contrast : float
        A tile holds structure if its standard deviation is this many times that of the quietest tenth of the tiles.

    Returns
    -------
    ndarray, shape (Z, 2)
        Displacement (y, x) of every slice, um; zero where nothing tells.
    """
    depth = image.voxels.shape[0]
    if depth < 3:
        return np.zeros((depth, 2))
    smooth = highlight_structure(image, blur_um, tile_um / 2)
    step = image.lattice.step_um[1:]
    gap, tile, _, offset, information = _match_tiles(
        smooth[:-1], smooth[1:], step, tile_um, search_um, min_contrast, _NEIGHBOUR_FLOOR_UM
    )
    if len(gap) == 0:
        return np.zeros((depth, 2))
    return _solve_jumps(depth, gap, tile, offset, information)


def fit_slice_shift(
    fixed: WorkingImage,
    near: np.ndarray,
    to_slice: Callable[[np.ndarray], np.ndarray],
    depth: int,
    tile_um: float,
    search_um: float,
    min_contrast: float,
) -> np.ndarray:
    """Estimate the displacement of every slice that is left after a session was brought near the reference.

    Parameters
    ----------
    fixed : WorkingImage
        The reference, structure highlighted.
    near : ndarray, the shape of `fixed`
        The session, structure highlighted, taken into the reference frame by the warp so far.
    to_slice : callable
        Takes points of the reference frame (N, 3), um, to fractional slices (N,) of the session.
    depth : int
        Number of slices Z of the session.
    tile_um, search_um, min_contrast : float
        As in `estimate_slice_shift`.

    Returns
    -------
    ndarray, shape (Z, 2)
        Displacement (y, x) in the reference frame's axes, um; zero where nothing tells.
    """
    step = fixed.lattice.step_um[1:]
    plane, _, centre, offset, information = _match_tiles(
        fixed.voxels, near, step, tile_um, search_um, min_contrast, _REFERENCE_FLOOR_UM
    )
    at = np.clip(to_slice(fixed.lattice.to_um(centre)), 0, depth - 1)
    below = np.minimum(np.floor(at).astype(int), max(depth - 2, 0))
    part = at - below
    columns = np.concatenate([below, np.minimum(below + 1, depth - 1)])
    rows = np.tile(np.arange(len(plane)), 2)
    design = csr_array(coo_array((np.concatenate([1 - part, part]), (rows, columns)), shape=(len(plane), depth)))
    return _solve(design, diags_array(np.full(depth, _REST_UM**-2)), offset, information)


def _match_tiles(fixed, moving, step, tile_um, search_um, min_contrast, floor_um):
    """Match tiles with structure plane by plane.

    Returns plane and tile (M,), the middle of the tile's structure (M, 3) in voxels, offset (M, 2), um, and its
    information (M, 2, 2).
    """
    size = np.minimum(np.maximum(np.round(tile_um / step), 4).astype(int), fixed.shape[1:])
    search = np.maximum(np.round(search_um / step), 1).astype(int)
    stops = np.array(fixed.shape[1:]) - size
    axes = [
        np.unique(np.round(np.linspace(0, stop, int(np.ceil(stop / s)) + 1)).astype(int))
        for stop, s in zip(stops, size, strict=True)
    ]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    spread = np.array([fixed[:, y : y + size[0], x : x + size[1]].std(axis=(1, 2)) for y, x in places])
    tile, plane = np.nonzero(spread > min_contrast * np.percentile(spread, 10))
    found = match_blocks(fixed, moving, np.column_stack([plane, places[tile]]), (1, *size), (0, *search))
    good = np.nan_to_num(found.score, nan=-1.0) > _MIN_SCORE
    score = found.score[good]
    knows = found.curvature[good][:, 1:, 1:] / np.outer(step, step)
    knows = knows * (_POINTS_IN_TILE * score / np.maximum(1 - score**2, 0.02))[:, None, None]
    information = knows @ np.linalg.solve(np.eye(2) + floor_um**2 * knows, np.eye(2)[None])
    return plane[good], tile[good], found.centre[good], found.offset[good][:, 1:] * step, information


def _solve_jumps(depth, gap, tile, offset, information):
    """Jumps (Z, 2), told from the course that all tiles share and from every tile's trend."""
    used, tile = np.unique(tile, return_inverse=True)
    gaps, rows = depth - 1, np.arange(len(gap))
    unknowns = depth + (1 + len(used)) * gaps
    column = np.concatenate([gap + 1, gap, depth + gap, depth + (tile + 1) * gaps + gap])
    value = np.repeat([1.0, -1.0, 1.0, 1.0], len(gap))
    design = csr_array(coo_array((value, (np.tile(rows, 4), column)), shape=(len(gap), unknowns)))
    return _solve(design, _prior(depth, len(used)), offset, information)[:depth]


def _solve(design, prior, offset, information):
    """Robust weighted least squares; the unknowns (U, 2)."""
    count = design.shape[1]
    weight, solution = np.ones(len(offset)), np.zeros(2 * count)
    for _ in range(_ITERATIONS):
        matrix, right = _normal_equations(design, prior, information * weight[:, None, None], offset)
        scale = diags_array(1 / matrix.diagonal())
        solution, _ = cg(matrix, right, solution, rtol=_TOLERANCE, maxiter=_SOLVER_STEPS, M=scale)
        left = offset - np.stack([design @ solution[:count], design @ solution[count:]], axis=1)
        distance = np.einsum("ni,nij,nj->n", left, information, left)
        weight = (1 + distance / _OUTLIER) ** -2
    return solution.reshape(2, count).T


def _prior(depth, tiles):
    """Jumps are moderate; course and trends change slowly. Sparse (unknowns, unknowns)."""
    gaps = depth - 1
    jumps = diags_array(np.full(depth, _JUMP_UM**-2))
    change = diags_array([-np.ones(gaps - 1), np.ones(gaps - 1)], offsets=[0, 1], shape=(gaps - 1, gaps))
    slow = change.T @ change
    still = diags_array(np.ones(gaps))
    course = slow * _COURSE_CHANGE_UM**-2 + still * 1e-3
    trend = slow * _TREND_CHANGE_UM**-2 + still * _TREND_UM**-2
    return csr_array(block_diag([jumps, course, *[trend] * tiles]))


def _normal_equations(design, prior, information, offset):
    part = [[design.T @ diags_array(information[:, a, b]) @ design for b in range(2)] for a in range(2)]
    part[0][0] = part[0][0] + prior
    part[1][1] = part[1][1] + prior
    seen = np.einsum("nij,nj->ni", information, offset)
    return block_array(part, format="csc"), np.concatenate([design.T @ seen[:, 0], design.T @ seen[:, 1]])
