"""How the tissue bent between two images: blocks matched one by one, and a smooth field through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from respine.structure.registration.block_match import match_blocks
from respine.structure.registration.resample import resample
from respine.structure.registration.working_image import WorkingImage

# The score's curvature, times this over the unexplained share, is taken as the inverse variance of a match: about the
# number of independent points of structure in a block.
_POINTS_IN_BLOCK = 40.0
# Voxels (z, y, x) of the cells in which the noise is looked for.
_CELL = (2, 6, 6)


@dataclass(frozen=True, eq=False)
class Matches:
    """Where N blocks of the reference were found.

    Parameters
    ----------
    points_um : ndarray, shape (N, 3)
        Middle of each block's structure in the reference frame, um.
    displacement_um : ndarray, shape (N, 3)
        From where the map so far takes it to where it was found, in the reference frame's axes, um.
    information : ndarray, shape (N, 3, 3)
        Inverse covariance of the displacement, per um squared.
    score : ndarray, shape (N,)
        Normalised cross-correlation.
    tried : int
        Blocks with structure that the other image covers, matched or not.
    """

    points_um: np.ndarray
    displacement_um: np.ndarray
    information: np.ndarray
    score: np.ndarray
    tried: int


def place_blocks(image: np.ndarray, block: np.ndarray, min_contrast: float, max_blocks: int) -> np.ndarray:
    """First voxels, shape (N, 3), of half-overlapping blocks that hold structure, the richest first.

    A block holds structure if its standard deviation is `min_contrast` times that of the noise, which is that of the
    quietest tenth of small cells: even between crowded dendrites some cells are empty.
    """
    step = np.maximum(block // 2, 1)
    stops = np.array(image.shape) - block
    if (stops < 0).any():
        return np.zeros((0, 3), int)
    axes = [_starts(stop, s) for stop, s in zip(stops, step, strict=True)]
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    spread = np.array(
        [image[z : z + block[0] : 2, y : y + block[1] : 2, x : x + block[2] : 2].std() for z, y, x in corners]
    )
    rich = np.argsort(-spread, kind="stable")
    noise = _quiet_spread(image)
    rich = rich[spread[rich] > min_contrast * noise]
    return corners[rich[:max_blocks]]


def _quiet_spread(image):
    """Tenth percentile of the standard deviation of small cells."""
    cell = np.minimum(_CELL, image.shape)
    size = np.array(image.shape) // cell
    kept = image[tuple(slice(0, n) for n in size * cell)]
    cells = kept.reshape(size[0], cell[0], size[1], cell[1], size[2], cell[2])
    return float(np.percentile(cells.std(axis=(1, 3, 5)), 10))


def _starts(stop, step):
    """Equally spaced starts from 0 to `stop`, at most `step` apart."""
    return np.unique(np.round(np.linspace(0, stop, int(np.ceil(stop / step)) + 1)).astype(int))


def match_through(
    fixed: WorkingImage,
    moving: WorkingImage,
    smooth_map: Callable[[np.ndarray], np.ndarray],
    slice_shift_um: np.ndarray,
    corners: np.ndarray,
    block: np.ndarray,
    search: np.ndarray,
    floor_um: np.ndarray,
) -> Matches:
    """Match blocks of the fixed image in the moving one, brought near by the map so far.

    Parameters
    ----------
    fixed, moving : WorkingImage
        The images, structure highlighted, each in its own frame.
    smooth_map : callable
        The map so far, fixed frame to moving frame, um.
    slice_shift_um : ndarray, shape (Z, 2)
        Lateral displacement (y, x) of every slice of the moving image, beyond the map.
    corners : ndarray of int, shape (N, 3)
        Blocks, from `place_blocks`.
    block, search : ndarray of int, shape (3,)
        Voxels of the fixed image.
    floor_um : ndarray, shape (3,)
        Standard deviation that no match is trusted beyond, um.

    Returns
    -------
    Matches
    """
    near = resample(moving.voxels, moving.lattice, fixed.lattice, smooth_map, slice_shift_um)
    found = match_blocks(fixed.voxels, near, corners, block, search)
    step = fixed.lattice.step_um
    good = np.isfinite(found.score) & (found.score > 0.2)
    score = found.score[good]
    unexplained = np.maximum(1 - score**2, 0.02)
    knows = found.curvature[good] * (_POINTS_IN_BLOCK * score / unexplained)[:, None, None] / np.outer(step, step)
    # (I + F K)^-1 K is the inverse of K^-1 + F, also where K knows nothing in some direction.
    information = np.linalg.solve(np.eye(3) + np.diag(floor_um**2) @ knows, np.eye(3)[None])
    information = knows @ information
    covered = _covered(near, corners, block)
    return Matches(
        fixed.lattice.to_um(found.centre[good]),
        found.offset[good] * step,
        (information + information.transpose(0, 2, 1)) / 2,
        score,
        int(covered.sum()),
    )


def _covered(image, corners, block):
    middle = np.minimum(corners + block // 2, np.array(image.shape) - 1)
    return np.isfinite(image[tuple(middle.T)])
