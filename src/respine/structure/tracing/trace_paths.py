"""From a ridge map to paths along the middle of everything tube-like.

Every connected patch of ridge voxels becomes a tree: the cheapest paths, cost falling steeply with the ridge, from
one end of the patch to its farthest voxel, then to the farthest voxel that no path has passed, and so on.

Symbols: V voxels of the patches, N points of a path.

References
----------
Sato M, Bitter I, Bender MA, Kaufman AE, Nakajima M (2000), TEASAR: tree-structure extraction algorithm for accurate
and robust skeletons, https://doi.org/10.1109/PCCGA.2000.883951
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from skimage.graph import MCP_Geometric

from respine.structure.tracing.ridge import RidgeMap

_COST_POWER = 3.0
# A path makes its own the voxels that lie this far beyond the surface of the patch around it, and a later path ends
# on it where it comes this close, or within this share of the depth below the surface.
_COVER_UM, _JOIN_UM, _JOIN_SHARE = 0.6, 0.5, 1.0
# The middle of a tip is sought this far around it, and at most this much further in.
_TIP_UM, _TIP_BACK_UM = 1.2, 0.4
# Where there is no ridge at all a step costs as much as on this share of the usual one.
_EMPTY_SHARE = 0.05
_STEPS = np.array([o for o in np.ndindex(3, 3, 3) if o > (1, 1, 1)]) - 1


@dataclass(frozen=True, eq=False)
class Patches:
    """The voxels worth following: index (V, 3), ridge (V,), number of the connected patch (V,)."""

    index: np.ndarray
    ridge: np.ndarray
    patch: np.ndarray


def find_patches(ridges: RidgeMap, low: float, high: float, extent_um: float, elongation: float) -> Patches:
    """Connected patches of ridge above `low` that somewhere exceed `high` and are not specks.

    Parameters
    ----------
    extent_um : float
        Smallest diagonal of a patch's bounding box, axial lengths divided by `elongation`.
    """
    shape = ridges.ridge.shape
    labels, count = label(ridges.ridge > low, np.ones((3, 3, 3)))
    flat = np.flatnonzero(labels)
    patch, value = labels.ravel()[flat], ridges.ridge.ravel()[flat]
    index = np.stack(np.unravel_index(flat, shape), axis=1)
    peak = np.zeros(count + 1)
    np.maximum.at(peak, patch, value)
    least, most = np.full((count + 1, 3), max(shape)), np.zeros((count + 1, 3), int)
    np.minimum.at(least, patch, index)
    np.maximum.at(most, patch, index)
    size_um = (most - least) * ridges.voxel_um / (elongation, 1, 1)
    keep = ((peak > high) & (np.linalg.norm(size_um, axis=1) >= extent_um))[patch]
    return Patches(index[keep], value[keep], patch[keep])


def extract_paths(ridges: RidgeMap, patches: Patches, length_um: float, elongation: float) -> list[np.ndarray]:
    """Paths from their far end to where they meet an earlier path or, the first of a patch, to its root.

    Parameters
    ----------
    length_um : float
        Paths with less than this outside the reach of earlier ones are dropped, axial lengths divided by
        `elongation`.

    Returns
    -------
    list of ndarray, shape (N, 3)
        Voxel indices. The last point of a path that meets an earlier one is a point of that one.
    """
    if not len(patches.index):
        return []
    cost, length = _voxel_graph(ridges, patches, elongation)
    first = np.unique(patches.patch, return_index=True)[1]
    inwards = dijkstra(length, directed=False, indices=first, min_only=True)
    place = patches.index * ridges.voxel_um / (elongation, 1, 1)
    tree = cKDTree(place)
    order = np.lexsort((inwards, patches.patch))
    ends = order[np.searchsorted(patches.patch[order], np.unique(patches.patch), side="right") - 1]
    roots = [_middle_of_tip(end, inwards, place, patches, tree) for end in ends]
    far = dijkstra(length, directed=False, indices=roots, min_only=True)
    _, back, _ = dijkstra(cost, directed=False, indices=roots, min_only=True, return_predecessors=True)
    depth = _depth_in_patch(cost, place)
    covered = np.zeros(len(place), bool)
    joins = np.full(len(place), -1)
    paths = []
    for tip in np.argsort(-far, kind="stable"):
        if covered[tip]:
            continue
        path = [_middle_of_tip(tip, far, place, patches, tree)]
        while joins[path[-1]] < 0 and back[path[-1]] >= 0:
            path.append(back[path[-1]])
        steps = np.linalg.norm(np.diff(place[path], axis=0), axis=1)
        fresh = steps[~covered[path[:-1]]].sum()
        for near in tree.query_ball_point(place[path], _COVER_UM + depth[path]):
            covered[near] = True
        if fresh >= length_um:
            meeting = joins[path[-1]]
            _mark_joins(joins, np.array(path), place, tree, depth)
            paths.append(patches.index[path if meeting < 0 or meeting == path[-1] else [*path, meeting]])
    return paths


def _middle_of_tip(tip: int, far: np.ndarray, place: np.ndarray, patches: Patches, tree: cKDTree) -> int:
    """The strongest voxel about as far out as a tip, which itself lies on the rim of its patch."""
    near = np.array(tree.query_ball_point(place[tip], _TIP_UM))
    near = near[(patches.patch[near] == patches.patch[tip]) & (far[near] >= far[tip] - _TIP_BACK_UM)]
    return int(near[np.argmax(patches.ridge[near])])


def _depth_in_patch(cost: csr_array, place: np.ndarray) -> np.ndarray:
    """Distance of every voxel to the nearest one on the surface of its patch, (V,), scaled um."""
    neighbours = np.diff(cost.indptr) + np.bincount(cost.indices, minlength=len(place))
    surface = place[neighbours < 2 * len(_STEPS)]
    return cKDTree(surface).query(place)[0] if len(surface) else np.zeros(len(place))


def _mark_joins(joins: np.ndarray, path: np.ndarray, place: np.ndarray, tree: cKDTree, depth: np.ndarray) -> None:
    """Let later paths end on this one where they come within its half width, not run beside it to where they touch."""
    near = tree.query_ball_point(place[path], np.maximum(_JOIN_SHARE * depth[path], _JOIN_UM))
    around = np.unique(np.concatenate([np.array(n, int) for n in near]))
    around = around[joins[around] < 0]
    joins[around] = path[cKDTree(place[path]).query(place[around])[1]]
    joins[path] = path


def _voxel_graph(ridges: RidgeMap, patches: Patches, elongation: float) -> tuple[csr_array, csr_array]:
    """Cost, and length (scaled), between neighbouring voxels, each (V, V)."""
    count = len(patches.index)
    number = np.full(np.array(ridges.ridge.shape) + 2, -1, np.int32)
    number[tuple(patches.index.T + 1)] = np.arange(count)
    price = (ridges.ridge.max() / patches.ridge) ** _COST_POWER
    rows, columns, lengths = [], [], []
    for step in _STEPS:
        neighbour = number[tuple((patches.index + step + 1).T)]
        here = np.flatnonzero(neighbour >= 0)
        rows.append(here)
        columns.append(neighbour[here])
        lengths.append(np.full(len(here), np.linalg.norm(step * ridges.voxel_um / (elongation, 1, 1))))
    rows, columns, lengths = np.concatenate(rows), np.concatenate(columns), np.concatenate(lengths)
    costs = lengths * (price[rows] + price[columns]) / 2
    return (
        csr_array((costs, (rows, columns)), shape=(count, count)),
        csr_array((lengths, (rows, columns)), shape=(count, count)),
    )


def cheapest_path(ridges: RidgeMap, start: np.ndarray, end: np.ndarray, margin_um: float) -> np.ndarray:
    """Minimal-cost path between two voxels, shape (N, 3), within their bounding box and a margin.

    The cost of a step falls with the square of the ridge, and stays finite where there is none.
    """
    margin = np.ceil(margin_um / ridges.voxel_um).astype(int)
    low = np.maximum(np.minimum(start, end) - margin, 0)
    high = np.minimum(np.maximum(start, end) + margin + 1, ridges.ridge.shape)
    box = ridges.ridge[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    usual = max(float(np.percentile(box, 99.5)), ridges.floor, np.finfo(np.float32).tiny)
    cost = 1.0 / (_EMPTY_SHARE + np.minimum(box / usual, 1.0)) ** 2
    search = MCP_Geometric(cost, sampling=tuple(ridges.voxel_um))
    search.find_costs([tuple(start - low)], [tuple(end - low)])
    return np.array(search.traceback(tuple(end - low))) + low
