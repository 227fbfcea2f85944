"""Dendrites that pass over each other within the blur: undo the node that their paths share."""

from __future__ import annotations

import networkx as nx
import numpy as np

from respine.core.geometry import arc_length_um
from respine.structure.tracing.trace_graph import merge_through_nodes, points_from

# Four arms are a crossing where both pairs of opposite arms are within 40 degrees of straight.
_STRAIGHT = 0.77
# Along an arm, the stretch inside the shared blur, and the one beyond it that shows where the arm heads.
_BLUR_UM, _ARM_UM = 1.5, 6.0


def resolve_crossings(graph: nx.MultiGraph, reach_um: float, elongation: float) -> int:
    """Part every two straight dendrites that share a node, or a piece between two nodes, of up to `reach_um`.

    Neurites branch in two, hardly ever in three, so four arms that make two straight lines are two dendrites that
    cross. Lengths are scaled: axial parts divided by `elongation`.

    Returns
    -------
    int
        How many crossings were parted.
    """
    parted = 0
    refused: set = set()
    while True:
        groups = [group for group in _crossings(graph, reach_um, elongation) if group not in refused]
        if not groups:
            return parted
        group = groups[0]
        if _part(graph, group, elongation):
            parted += 1
        else:
            refused.add(group)


def _crossings(graph: nx.MultiGraph, reach_um: float, elongation: float) -> list[tuple]:
    """Groups of one or two nodes from which four arms leave."""
    groups = [(node,) for node, degree in sorted(graph.degree) if degree == 4]
    for first, second, edge in graph.edges(data=True):
        length = arc_length_um(edge["points"] / (elongation, 1, 1))[-1]
        both_split = graph.degree(first) == 3 and graph.degree(second) == 3
        if first != second and both_split and graph.number_of_edges(first, second) == 1 and length <= reach_um:
            groups.append(tuple(sorted((first, second))))
    return sorted(groups)


def _part(graph: nx.MultiGraph, group: tuple, elongation: float) -> bool:
    arms = []
    for node in group:
        for _, other, key, edge in graph.edges(node, keys=True, data=True):
            if other not in group:
                arms.append((node, other, key, points_from(edge, node)))
    if len(arms) != 4:
        return False
    headings = [_arm_heading(points / (elongation, 1, 1)) for *_, points in arms]
    pairings = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))
    straightness = [min(-headings[a] @ headings[b], -headings[c] @ headings[d]) for (a, b), (c, d) in pairings]
    best = int(np.argmax(straightness))
    if straightness[best] < _STRAIGHT:
        return False
    for a, b in pairings[best]:
        points = np.concatenate([_beyond_blur(arms[a][3])[::-1], _beyond_blur(arms[b][3])])
        graph.add_edge(arms[a][1], arms[b][1], points=points, start=arms[a][1])
    graph.remove_nodes_from(group)
    merge_through_nodes(graph)
    return True


def _arm_heading(points: np.ndarray) -> np.ndarray:
    along = arc_length_um(points)
    near, far = np.searchsorted(along, [min(_BLUR_UM, along[-1] / 2), min(_ARM_UM, along[-1])])
    way = points[far] - points[near]
    return way / max(np.linalg.norm(way), 1e-9)


def _beyond_blur(points: np.ndarray) -> np.ndarray:
    """Leave out the stretch that the crossing dendrite may have drawn aside."""
    along = arc_length_um(points)
    return points[along >= min(_BLUR_UM, along[-1] / 2)]
