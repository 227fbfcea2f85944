"""Where blocks of one image lie in another: normalised cross-correlation, to a fraction of a voxel.

Symbols: N blocks, B their size (3,), R the search (3,), in voxels (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfftn, next_fast_len, rfftn

_BATCH_VOXELS = 4_000_000
# A block matched where less of it was imaged says nothing.
_MIN_COVERED = 0.75


@dataclass(frozen=True, eq=False)
class BlockMatches:
    """What N blocks found.

    Parameters
    ----------
    centre : ndarray, shape (N, 3)
        Voxel index of the middle of each block's structure in the fixed image.
    offset : ndarray, shape (N, 3)
        Displacement from the fixed to the moving image, voxels.
    score : ndarray, shape (N,)
        Normalised cross-correlation at the best place; NaN where nothing could be compared.
    curvature : ndarray, shape (N, 3, 3)
        How fast the score falls off that place: minus its second derivatives, per voxel squared, positive semidefinite.
    """

    centre: np.ndarray
    offset: np.ndarray
    score: np.ndarray
    curvature: np.ndarray


def match_blocks(
    fixed: np.ndarray,
    moving: np.ndarray,
    corners: np.ndarray,
    block: tuple[int, int, int],
    search: tuple[int, int, int],
) -> BlockMatches:
    """Find blocks of one image in another on the same lattice.

    Parameters
    ----------
    fixed, moving : ndarray of float32, shape (Z, Y, X)
        The images; NaN where nothing was imaged.
    corners : ndarray of int, shape (N, 3)
        First voxel of each block; the blocks lie inside the fixed image.
    block, search : tuple of int
        Size of a block and the largest displacement looked for, voxels.

    Returns
    -------
    BlockMatches
    """
    block, search = np.array(block), np.array(search)
    window = block + 2 * search
    count = max(1, int(_BATCH_VOXELS // np.prod(window)))
    parts = [
        _match_batch(fixed, moving, corners[first : first + count], block, search)
        for first in range(0, len(corners), count)
    ]
    if not parts:
        return BlockMatches(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3, 3)))
    return BlockMatches(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _match_batch(fixed, moving, corners, block, search):
    templates = np.stack([_cut(fixed, corner, block) for corner in corners])
    windows = np.stack([_cut(moving, corner - search, block + 2 * search) for corner in corners])
    templates = np.nan_to_num(templates)
    templates -= templates.mean(axis=(1, 2, 3), keepdims=True)
    energy = (templates**2).sum(axis=(1, 2, 3))
    centre = corners + _middle(templates, energy)
    scores = _scores(templates, windows, energy, search)
    offset, best, curvature = _peaks(scores)
    return centre, offset - search, best, curvature


def _cut(image, corner, size):
    """Cut a box out of an image, NaN where it leaves the image."""
    low, high = np.maximum(corner, 0), np.minimum(corner + size, image.shape)
    if (low == corner).all() and (high == corner + size).all():
        return image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    box = np.full(size, np.nan, np.float32)
    if (high > low).all():
        inside = tuple(slice(a, b) for a, b in zip(low - corner, high - corner, strict=True))
        box[inside] = image[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    return box


def _middle(templates, energy):
    middle = np.empty((len(templates), 3))
    for axis in range(3):
        other = tuple(a for a in (1, 2, 3) if a != axis + 1)
        profile = (templates**2).sum(axis=other)
        middle[:, axis] = profile @ np.arange(profile.shape[1]) / np.maximum(energy, 1e-12)
    return middle


def _scores(templates, windows, energy, search):
    """Normalised cross-correlation at every displacement, shape (N, 2Rz+1, 2Ry+1, 2Rx+1)."""
    block = np.array(templates.shape[1:])
    seen = np.isfinite(windows)
    complete = seen.all()
    level = np.nanmean(np.where(seen, windows, 0), axis=(1, 2, 3), keepdims=True)
    windows = np.where(seen, windows - level, 0).astype(np.float32)
    size = [next_fast_len(int(n), real=True) for n in windows.shape[1:]]
    spectrum = rfftn(windows, size, axes=(1, 2, 3))
    spectrum *= np.conj(rfftn(templates, size, axes=(1, 2, 3)))
    ends = 2 * search + 1
    product = irfftn(spectrum, size, axes=(1, 2, 3))[:, : ends[0], : ends[1], : ends[2]]
    total = _box_sums(windows, block)
    spread = _box_sums(windows**2, block) - total**2 / block.prod()
    floor = 1e-6 * np.maximum(spread.max(axis=(1, 2, 3)), 1e-12)
    norm = np.sqrt(np.maximum(spread, floor[:, None, None, None]) * energy[:, None, None, None])
    scores = product / np.maximum(norm, 1e-12)
    if not complete:
        covered = _box_sums(seen.astype(np.float32), block) / block.prod()
        scores = np.where(covered >= _MIN_COVERED, scores, np.nan)
    return scores


def _box_sums(images, block):
    sums = images.astype(np.float64)
    for axis, size in enumerate(block, start=1):
        total = np.cumsum(sums, axis=axis)
        first = np.take(total, [size - 1], axis=axis)
        length = total.shape[axis]
        later = np.take(total, range(size, length), axis=axis) - np.take(total, range(length - size), axis=axis)
        sums = np.concatenate([first, later], axis=axis)
    return sums


def _peaks(scores):
    """Best displacement of each block with its score and curvature, from a parabola through its neighbours."""
    count, shape = len(scores), np.array(scores.shape[1:])
    flat = np.where(np.isfinite(scores), scores, -np.inf).reshape(count, -1)
    at = np.stack(np.unravel_index(flat.argmax(axis=1), shape), axis=1)
    best = flat.max(axis=1)
    free = shape > 1
    # A best place on the rim of the search is no peak: the true one may lie beyond.
    inner = np.isfinite(best) & ~(free & ((at == 0) | (at == shape - 1))).any(axis=1)
    rows = np.flatnonzero(inner)
    gradient, hessian = _derivatives(scores, rows, at[rows], free)
    known = np.isfinite(hessian).all(axis=(1, 2))
    rows, gradient, hessian = rows[known], gradient[known], hessian[known]
    values, vectors = np.linalg.eigh(-hessian)
    values = np.maximum(values, 0)
    offset, curvature = at.astype(float), np.zeros((count, 3, 3))
    curvature[rows] = np.einsum("nia,na,nja->nij", vectors, values, vectors)
    along = np.einsum("nia,ni->na", vectors, gradient)
    step = np.divide(along, values, out=np.zeros_like(along), where=values > 1e-9)
    offset[rows] += np.clip(np.einsum("nia,na->ni", vectors, step), -1, 1)
    kept = np.full(count, np.nan)
    kept[rows] = best[rows]
    return offset, kept, curvature


def _derivatives(scores, rows, at, free):
    """Gradient (n, 3) and second derivatives (n, 3, 3) of the scores at inner places."""
    gradient, hessian = np.zeros((len(rows), 3)), np.zeros((len(rows), 3, 3))
    axes = np.flatnonzero(free)
    unit = np.eye(3, dtype=int)

    def value(step):
        return scores[(rows, *(at + step).T)]

    for a in axes:
        plus, minus = value(unit[a]), value(-unit[a])
        gradient[:, a] = (plus - minus) / 2
        hessian[:, a, a] = plus + minus - 2 * value(0 * unit[a])
        for b in axes[axes > a]:
            cross = value(unit[a] + unit[b]) + value(-unit[a] - unit[b])
            cross = cross - value(unit[a] - unit[b]) - value(unit[b] - unit[a])
            hessian[:, a, b] = hessian[:, b, a] = cross / 4
    return gradient, hessian
