"""The graph that traced paths form: nodes where they end or meet, edges that hold the points between.

A graph is a `networkx.MultiGraph`; a node is a voxel index (z, y, x) and an edge carries `points`, shape (N, 3),
um, and `start`, the node of its first point. Lengths called scaled have their axial part divided by the elongation
of the blur, so that the axial smear of a spot is no length.
"""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from respine.core.geometry import arc_length_um
from respine.structure.tracing.ridge import RidgeMap
from respine.structure.tracing.trace_paths import cheapest_path

# Over this distance the direction of an end is measured, and the shortest piece whose direction is trusted.
_HEADING_UM = 5.0
# A gap is bridged when both ends head for each other within 45 degrees; a gap to the side of a path within 30.
_FACING, _FACING_SIDE = 0.7, 0.87
# Within this distance two ends touch, and the way between them has no direction.
_TOUCHING_UM = 1.5
# A path that turns by more than 100 degrees, between arms of this length, and is this faint there beside the rest, is
# two.
_HAIRPIN, _HAIRPIN_ARM_UM, _FAINT_SHARE = -0.17, 6.0, 0.5


def build_graph(paths: list[np.ndarray], ridges: RidgeMap) -> nx.MultiGraph:
    """Graph of paths of voxel indices, which meet where one ends on another."""
    nodes = {tuple(map(int, path[end])) for path in paths for end in (0, -1)}
    graph = nx.MultiGraph()
    for path in paths:
        voxels = [tuple(map(int, voxel)) for voxel in path]
        at = [k for k, voxel in enumerate(voxels) if voxel in nodes]
        for first, last in pairwise(at):
            points = ridges.to_um(path[first : last + 1])
            graph.add_edge(voxels[first], voxels[last], points=points, start=voxels[first])
    merge_through_nodes(graph)
    return graph


def points_from(edge: dict, node: tuple) -> np.ndarray:
    """Points of an edge in order from one of its nodes."""
    return edge["points"] if edge["start"] == node else edge["points"][::-1]


def merge_through_nodes(graph: nx.MultiGraph) -> None:
    """Join the two edges of every node that has no third; drop nodes without an edge."""
    for node in list(graph):
        edges = list(graph.edges(node, keys=True, data=True))
        if not edges:
            graph.remove_node(node)
        elif len(edges) == 2 and node not in (edges[0][1], edges[1][1]):
            (_, before, _, first), (_, after, _, second) = edges
            points = np.concatenate([points_from(first, node)[::-1], points_from(second, node)[1:]])
            graph.remove_node(node)
            graph.add_edge(before, after, points=points, start=before)


def prune_twigs(graph: nx.MultiGraph, ridges: RidgeMap, length_um: float, elongation: float) -> None:
    """Take off side branches whose tip is nearer than `length_um` (scaled) to their origin, the weakest first.

    The weight of a branch is its ridge summed along it, times how straight it continues what it leaves from: of two
    short ends of a dendrite the bright and straight one stays.
    """
    while True:
        twigs = []
        for tip in [node for node, degree in graph.degree if degree == 1]:
            ((_, origin, key, edge),) = graph.edges(tip, keys=True, data=True)
            if graph.degree(origin) > 1 and _reach(edge, elongation) < length_um:
                steps = np.linalg.norm(np.diff(edge["points"] / (elongation, 1, 1), axis=0), axis=1)
                weight = float(ridge_along(edge["points"], ridges)[1:] @ steps)
                weight *= 1 + _straightness(graph, origin, key, tip, length_um, elongation)
                twigs.append((weight, tip, origin, key))
        if not twigs:
            return
        graph.remove_edge(*min(twigs)[1:])
        merge_through_nodes(graph)


def _reach(edge: dict, elongation: float) -> float:
    """Distance between the ends of an edge, scaled."""
    return float(np.linalg.norm((edge["points"][-1] - edge["points"][0]) / (elongation, 1, 1)))


def _straightness(
    graph: nx.MultiGraph, origin: tuple, key: int, tip: tuple, length_um: float, elongation: float
) -> float:
    """Cosine of the bend from the straightest of the longer edges at a node into the edge to a tip."""
    ways, longer = [], []
    for _, other, number, edge in graph.edges(origin, keys=True, data=True):
        points = points_from(edge, origin) / (elongation, 1, 1)
        far = points[min(np.searchsorted(arc_length_um(points), _HEADING_UM), len(points) - 1)]
        way = (far - points[0]) / max(np.linalg.norm(far - points[0]), 1e-9)
        if (other, number) == (tip, key):
            own = way
        else:
            ways.append(way)
            longer.append(graph.degree(other) > 1 or _reach(edge, elongation) >= length_um)
    chosen = [way for way, long in zip(ways, longer, strict=True) if long] or ways
    return max(float(-own @ way) for way in chosen)


def ridge_along(points_um: np.ndarray, ridges: RidgeMap) -> np.ndarray:
    """Ridge measure at the nearest voxels of points, shape (N,)."""
    return ridges.ridge[tuple(ridges.to_voxel(points_um).T)]


def trim_tips(graph: nx.MultiGraph, ridges: RidgeMap, share: float, elongation: float) -> None:
    """Shorten free ends: a tail goes whose ridge, summed along it (scaled), is below a share of its edge's median."""
    for tip in sorted(node for node, degree in graph.degree if degree == 1):
        if graph.degree(tip) != 1:
            continue
        ((_, origin, key, edge),) = graph.edges(tip, keys=True, data=True)
        points = points_from(edge, tip)
        ridge = ridge_along(points, ridges)
        steps = np.linalg.norm(np.diff(points / (elongation, 1, 1), axis=0), axis=1)
        excess = np.cumsum((ridge[:-1] - share * np.median(ridge)) * steps)
        first = int(np.argmin(excess)) + 1 if excess.min() < 0 else 0
        new = tuple(map(int, ridges.to_voxel(points[first : first + 1])[0]))
        if 0 < first < len(points) - 2 and new not in graph:
            graph.remove_edge(tip, origin, key)
            graph.remove_node(tip)
            graph.add_edge(new, origin, points=points[first:], start=new)


def cut_hairpins(graph: nx.MultiGraph, ridges: RidgeMap) -> None:
    """Part edges that turn back in the plane where they are faint: two neurites whose ends were taken for one."""
    for first, last, key, edge in list(graph.edges(keys=True, data=True)):
        flat = edge["points"][:, 1:]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(flat, axis=0), axis=1))])
        reach = np.flatnonzero((along > _HAIRPIN_ARM_UM) & (along < along[-1] - _HAIRPIN_ARM_UM))
        if not len(reach):
            continue
        before = flat[reach] - flat[np.searchsorted(along, along[reach] - _HAIRPIN_ARM_UM)]
        after = flat[np.searchsorted(along, along[reach] + _HAIRPIN_ARM_UM)] - flat[reach]
        lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        turn = (before * after).sum(1) / np.maximum(lengths, 1e-9)
        ridge = ridge_along(edge["points"], ridges)
        reach = reach[(turn < _HAIRPIN) & (ridge[reach] < _FAINT_SHARE * np.median(ridge))]
        if not len(reach):
            continue
        at = reach[np.argmin(ridge[reach])]
        start, end = edge["start"], last if edge["start"] == first else first
        ends = [tuple(map(int, voxel)) for voxel in ridges.to_voxel(edge["points"][[at - 1, at + 1]])]
        if ends[0] not in graph and ends[1] not in graph:
            graph.remove_edge(first, last, key)
            graph.add_edge(start, ends[0], points=edge["points"][:at], start=start)
            graph.add_edge(ends[1], end, points=edge["points"][at + 1 :], start=ends[1])


def bridge_gaps(graph: nx.MultiGraph, ridges: RidgeMap, gap_um: float, support: float, elongation: float) -> None:
    """Join free ends that head for each other, and free ends that head for the side of another edge.

    Parameters
    ----------
    gap_um : float
        Longest gap (scaled).
    support : float
        Mean ridge that the cheapest path across the gap must have.
    """
    refused: set = set()
    while True:
        candidates = [c for c in _gaps(graph, ridges, gap_um, elongation) if (c[1], c[2]) not in refused]
        if not candidates:
            return
        _, start, end = min(candidates)
        path = cheapest_path(ridges, np.array(start), np.array(end), margin_um=2.0)
        inner = path[1:-1]
        if len(inner) and ridges.ridge[tuple(inner.T)].mean() < support:
            refused.add((start, end))
            continue
        if end not in graph:
            _split_edge(graph, ridges, end)
        graph.add_edge(start, end, points=ridges.to_um(path), start=start)
        merge_through_nodes(graph)


def _heading(points: np.ndarray) -> np.ndarray:
    """Unit vector out of the first point, from points (scaled) in order from it."""
    inside = points[np.searchsorted(arc_length_um(points), _HEADING_UM) - 1]
    return (points[0] - inside) / max(np.linalg.norm(points[0] - inside), 1e-9)


def _gaps(graph: nx.MultiGraph, ridges: RidgeMap, gap_um: float, elongation: float) -> list[tuple]:
    """Gaps as (badness, free end, node or voxel of an edge to join)."""
    scale = np.array([elongation, 1, 1])
    edges = [(edge, edge["points"] / scale) for _, _, edge in graph.edges(data=True)]
    owner = np.repeat(np.arange(len(edges)), [len(points) for _, points in edges])
    long = np.array([arc_length_um(points)[-1] >= _HEADING_UM for _, points in edges])
    place = np.concatenate([points for _, points in edges]) if edges else np.zeros((0, 3))
    tree = cKDTree(place)
    ends = []
    for number, (edge, points) in enumerate(edges):
        nodes = (edge["start"], tuple(map(int, ridges.to_voxel(edge["points"][-1:])[0])))
        if long[number]:
            for tip, line in zip(nodes, (points, points[::-1]), strict=True):
                if graph.degree(tip) == 1:
                    ends.append((tip, line[0], _heading(line), number))
    gaps = []
    for k, (tip, here, heading, own) in enumerate(ends):
        for other, there, back, edge in ends[k + 1 :]:
            way = there - here
            distance = np.linalg.norm(way)
            if edge == own or distance > gap_um or heading @ back > -_FACING:
                continue
            aim = 1.0 if distance < _TOUCHING_UM else min(heading @ way, -back @ way) / distance
            if aim > _FACING:
                gaps.append((distance * (2 - aim), tip, other))
        near = np.array(tree.query_ball_point(here, gap_um / 2), int)
        near = near[(owner[near] != own) & long[owner[near]]]
        ways = place[near] - here
        distance = np.linalg.norm(ways, axis=1)
        ahead = np.flatnonzero(ways @ heading >= _FACING_SIDE * distance)
        if len(ahead):
            best = ahead[np.argmin(distance[ahead])]
            voxel = ridges.to_voxel(place[near[best]][None] * scale)[0]
            gaps.append((2 * distance[best], tip, tuple(map(int, voxel))))
    return gaps


def _split_edge(graph: nx.MultiGraph, ridges: RidgeMap, voxel: tuple) -> None:
    for first, last, key, edge in list(graph.edges(keys=True, data=True)):
        found = np.flatnonzero((ridges.to_voxel(edge["points"]) == voxel).all(1))
        if len(found):
            start, points = edge["start"], edge["points"]
            end = last if start == first else first
            graph.remove_edge(first, last, key)
            graph.add_edge(start, voxel, points=points[: found[0] + 1], start=start)
            graph.add_edge(voxel, end, points=points[found[0] :], start=voxel)
            return
