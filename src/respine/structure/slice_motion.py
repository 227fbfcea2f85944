"""The lateral jump of every slice of a stack, told apart from structures that run obliquely through it.

Tiles of each slice are matched in the next slices. A dendrite that runs obliquely shifts from slice to slice too, but
steadily and each in its own direction, while a jump of the tissue is common to all tiles of a slice and does not
persist. So every tile gets a trend of its own that changes slowly with depth, and the jumps are what is common beyond.
A steady drift of the whole tissue is thereby left in the stack: within one stack it cannot be told from anatomy.

Symbols: Z slices, M matches, T tiles.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import block_array, block_diag, coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg

from respine.structure.block_match import match_blocks
from respine.structure.working_image import WorkingImage, highlight_structure

_POINTS_IN_TILE = 20.0
_FLOOR_UM = 0.05
# What is expected of the jumps, and of the change from slice to slice of the course that all tiles share and of each
# tile's own, um. The first two decide what counts as a jump: what comes back within about ten slices.
_JUMP_UM, _COURSE_CHANGE_UM, _TREND_CHANGE_UM, _TREND_UM = 0.5, 0.08, 0.1, 1.0
_ITERATIONS = 6
_TOLERANCE, _SOLVER_STEPS = 1e-5, 1000
_OUTLIER = 9.0
_MIN_SCORE = 0.4


def estimate_slice_shift(
    image: WorkingImage, tile_um: float, search_um: float, blur_um: float, min_contrast: float
) -> tuple[np.ndarray, np.ndarray]:
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
    shift_um : ndarray, shape (Z, 2)
        Displacement (y, x) of every slice; zero where nothing tells.
    sd_um : ndarray, shape (Z,)
        How well it is known; the prior's 0.5 um where nothing tells.
    """
    depth = image.voxels.shape[0]
    smooth = highlight_structure(image, blur_um, tile_um / 2)
    gap, tile, offset, information = _match_tiles(smooth, image.lattice.step_um[1:], tile_um, search_um, min_contrast)
    if len(gap) == 0:
        return np.zeros((depth, 2)), np.full(depth, _JUMP_UM)
    return _solve_jumps(depth, gap, tile, offset, information)


def _match_tiles(smooth, step, tile_um, search_um, min_contrast):
    """Match every tile with structure in the next slice: gap, tile, offset (M, 2) and its information (M, 2, 2)."""
    size = np.minimum(np.maximum(np.round(tile_um / step), 4).astype(int), smooth.shape[1:])
    search = np.maximum(np.round(search_um / step), 1).astype(int)
    stops = np.array(smooth.shape[1:]) - size
    axes = [
        np.unique(np.round(np.linspace(0, stop, int(np.ceil(stop / s)) + 1)).astype(int))
        for stop, s in zip(stops, size, strict=True)
    ]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    spread = np.array([smooth[:, y : y + size[0], x : x + size[1]].std(axis=(1, 2)) for y, x in places])
    rich = spread > min_contrast * np.percentile(spread, 10)
    tile, gap = np.nonzero(rich[:, :-1] & rich[:, 1:])
    found = match_blocks(smooth[:-1], smooth[1:], np.column_stack([gap, places[tile]]), (1, *size), (0, *search))
    good = np.nan_to_num(found.score, nan=-1.0) > _MIN_SCORE
    score = found.score[good]
    knows = found.curvature[good][:, 1:, 1:] / np.outer(step, step)
    knows = knows * (_POINTS_IN_TILE * score / np.maximum(1 - score**2, 0.02))[:, None, None]
    information = knows @ np.linalg.solve(np.eye(2) + _FLOOR_UM**2 * knows, np.eye(2)[None])
    return gap[good], tile[good], found.offset[good][:, 1:] * step, information


def _solve_jumps(depth, gap, tile, offset, information):
    """Weighted least squares for the jumps (Z, 2), the common course and every tile's trend at each gap."""
    used, tile = np.unique(tile, return_inverse=True)
    gaps, rows = depth - 1, np.arange(len(gap))
    unknowns = depth + (1 + len(used)) * gaps
    column = np.concatenate([gap + 1, gap, depth + gap, depth + (tile + 1) * gaps + gap])
    value = np.repeat([1.0, -1.0, 1.0, 1.0], len(gap))
    design = csr_array(coo_array((value, (np.tile(rows, 4), column)), shape=(len(gap), unknowns)))
    prior = _prior(depth, len(used))
    weight, solution = np.ones(len(gap)), np.zeros(2 * unknowns)
    for _ in range(_ITERATIONS):
        matrix, right = _normal_equations(design, prior, information * weight[:, None, None], offset)
        solution, _ = cg(
            matrix, right, solution, rtol=_TOLERANCE, maxiter=_SOLVER_STEPS, M=diags_array(1 / matrix.diagonal())
        )
        fitted = np.stack([design @ solution[:unknowns], design @ solution[unknowns:]], axis=1)
        left = offset - fitted
        distance = np.einsum("ni,nij,nj->n", left, information, left)
        weight = (1 + distance / _OUTLIER) ** -2
    shift = np.stack([solution[:depth], solution[unknowns : unknowns + depth]], axis=1)
    return shift, _spread(matrix, depth, unknowns)


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


def _spread(matrix, depth, unknowns):
    """Standard deviation of every jump given the trends, the larger of both axes, um."""
    curvature = matrix.diagonal()
    return 1 / np.sqrt(np.minimum(curvature[:depth], curvature[unknowns : unknowns + depth]))
