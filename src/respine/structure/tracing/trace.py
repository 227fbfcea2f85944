"""The dendrites of a field of view: smooth centre lines with radius, and the graph that they form."""

from __future__ import annotations

import networkx as nx
import numpy as np
from pydantic import Field

from respine.core.dendrite import Dendrite, Tracing
from respine.core.geometry import arc_length_um
from respine.core.settings import StageSettings
from respine.core.stack import Stack
from respine.structure.tracing.ridge import RidgeMap, compute_ridge_map
from respine.structure.tracing.trace_centre import (
    Search,
    centre_line,
    join_ends,
    level_tip,
    measure_radius,
    smooth_line,
    typical_radius,
)
from respine.structure.tracing.trace_crossings import resolve_crossings
from respine.structure.tracing.trace_graph import (
    bridge_gaps,
    build_graph,
    cut_hairpins,
    merge_through_nodes,
    points_from,
    prune_twigs,
    ridge_along,
    trim_tips,
)
from respine.structure.tracing.trace_paths import extract_paths, find_patches

_TIP_SHARE = 0.5
_TIDYING_ROUNDS = 3
_PATH_UM, _SPECK_UM = 3.0, 4.0
# Light scattered above and below a bright dendrite reaches twice as far as the blur of a spot.
_TAIL = 2.0
_REACH_OF_CROSSING_UM = 4.0
_BRIDGE_SUPPORT = 0.5
_PATH_SMOOTHING_UM = 0.9
_SHORTEST_STEPS = 3


class TraceSettings(StageSettings):
    """Settings of the automatic tracing."""

    scales_um: tuple[float, ...] = Field((0.3, 0.55), min_length=1)
    """Lateral widths (sigma) of the filters that find dendrites: about the radii of the thinnest and the usual."""
    axial_blur_um: float = Field(1.2, gt=0)
    """Axial blur (sigma) of the microscope."""
    low_threshold: float = Field(8.0, gt=0)
    """Voxels are followed where the ridge measure exceeds this many times its background level."""
    high_threshold: float = Field(12.0, gt=0)
    """And only in patches that somewhere exceed this many times the background level."""
    min_length_um: float = Field(20.0, ge=0)
    """Shortest tree of dendrites, between its farthest points; shorter ones are taken for specks and axons."""
    min_branch_um: float = Field(8.0, ge=0)
    """Shortest side branch, tip to origin, axial lengths scaled down by the blur; shorter ones are taken for spines."""
    min_contrast: float = Field(0.45, ge=0, le=1)
    """Least median ridge measure of a dendrite over that of the field's usual one; dimmer ones are taken for axons."""
    min_radius_um: float = Field(0.2, ge=0)
    """Least median radius of a dendrite that nothing branches from; thinner ones are taken for axons."""
    bridge_um: float = Field(10.0, ge=0)
    """Longest gap between two pieces of one dendrite."""
    smooth_um: float = Field(1.0, gt=0)
    """Over this length (sigma) the offsets of the centre line are smoothed."""


def trace_dendrites(pooled: Stack, settings: TraceSettings) -> Tracing:
    """Trace every dendrite of a field of view.

    Parameters
    ----------
    pooled : Stack
        All sessions together in the reference frame, or any single stack. NaN counts as background.
    settings : TraceSettings

    Returns
    -------
    Tracing
        Branch points split dendrites; those of a branch point share that point exactly. Names are d01, d02 ... from
        the longest to the shortest. Points are about 0.3 um apart. The parent is the dendrite that one leaves from,
        going out from the thickest end of its tree. Empty where nothing is found.

    Notes
    -----
    The radius is half of the full width at half maximum across the dendrite in the plane, see `measure_radius`.
    """
    ridges = compute_ridge_map(pooled, settings.scales_um, settings.axial_blur_um)
    graph = _trace_graph(ridges, settings)
    lines, ends = _centre_edges(graph, pooled, settings)
    radii = [_complete_radius(measure_radius(line, pooled)) for line in lines]
    return _name_dendrites(ends, lines, radii, settings)


def elongation_of(scales_um: tuple[float, ...], axial_blur_um: float) -> float:
    """How many times longer than wide the filtered image of a spot is."""
    return float(np.hypot(axial_blur_um, max(scales_um)) / max(scales_um))


def _trace_graph(ridges: RidgeMap, settings: TraceSettings) -> nx.MultiGraph:
    longer = elongation_of(settings.scales_um, settings.axial_blur_um)
    # Without noise the background level is nothing, and a share of the brightest takes its place.
    level = max(ridges.floor, float(ridges.ridge.max()) / 10 / settings.low_threshold)
    low, high = settings.low_threshold * level, settings.high_threshold * level
    patches = find_patches(ridges, low, high, _SPECK_UM, longer)
    graph = build_graph(extract_paths(ridges, patches, _PATH_UM, longer), ridges)
    _tidy(graph, ridges, settings, longer)
    bridge_gaps(graph, ridges, settings.bridge_um, _BRIDGE_SUPPORT * low, longer)
    resolve_crossings(graph, _REACH_OF_CROSSING_UM, longer)
    _tidy(graph, ridges, settings, longer)
    _drop_short(graph, settings.min_length_um, longer)
    _drop_faint(graph, ridges, settings)
    _tidy(graph, ridges, settings, longer)
    _drop_short(graph, settings.min_length_um, longer)
    return graph


def _tidy(graph: nx.MultiGraph, ridges: RidgeMap, settings: TraceSettings, elongation: float) -> None:
    # A trimmed tip may leave a twig, and a pruned twig a hairpin, whose arms are trimmed in turn.
    for _ in range(_TIDYING_ROUNDS):
        trim_tips(graph, ridges, _TIP_SHARE, elongation)
        prune_twigs(graph, ridges, settings.min_branch_um, _TAIL * elongation)
        cut_hairpins(graph, ridges)


def _drop_short(graph: nx.MultiGraph, length_um: float, elongation: float) -> None:
    """Take away trees in which no two points are `length_um` (scaled) apart."""
    for tree in list(nx.connected_components(graph)):
        points = np.concatenate([edge["points"] for *_, edge in graph.subgraph(tree).edges(data=True)])
        scaled = points / (elongation, 1, 1)
        far = scaled[np.argmax(np.linalg.norm(scaled - scaled[0], axis=1))]
        if np.linalg.norm(scaled - far, axis=1).max() < length_um:
            graph.remove_nodes_from(tree)


def _drop_faint(graph: nx.MultiGraph, ridges: RidgeMap, settings: TraceSettings) -> None:
    """Take away free branches and trees that are faint beside the usual dendrite of the field, the faintest first."""
    strength = sorted((_strength(e, ridges), arc_length_um(e["points"])[-1]) for *_, e in graph.edges(data=True))
    if not strength:
        return
    share = np.cumsum([length for _, length in strength]) / sum(length for _, length in strength)
    least = settings.min_contrast * strength[int(np.searchsorted(share, 0.5))][0]
    while True:
        faint = [
            (_strength(edge, ridges), first, last, key)
            for first, last, key, edge in graph.edges(keys=True, data=True)
            if 1 in (graph.degree(first), graph.degree(last)) and _strength(edge, ridges) < least
        ]
        if not faint:
            return
        graph.remove_edge(*min(faint)[1:])
        merge_through_nodes(graph)


def _strength(edge: dict, ridges: RidgeMap) -> float:
    return float(np.median(ridge_along(edge["points"], ridges)))


def _centre_edges(graph: nx.MultiGraph, stack: Stack, settings: TraceSettings) -> tuple[list, list]:
    """Centre lines of the edges, ends joined, and the two nodes of each, in a fixed order."""
    edges = sorted(graph.edges(keys=True, data=True), key=lambda e: (min(e[:2]), max(e[:2]), len(e[3]["points"])))
    lines, ends = [], []
    for first, last, _, edge in edges:
        points = points_from(edge, first)
        if graph.degree(first) == 1:
            points = level_tip(points)
        if graph.degree(last) == 1:
            points = level_tip(points[::-1])[::-1]
        line = smooth_line(np.clip(points, 0, stack.extent_um), _PATH_SMOOTHING_UM)
        if len(line) > _SHORTEST_STEPS:
            lines.append(line)
            ends.append((first, last))
    # The path is good to a voxel of the reduced grid laterally and to about the blur axially; then half of that.
    for lateral, axial in ((0.6, 2.0), (0.3, 1.0)):
        search = Search(lateral, axial, settings.smooth_um)
        tubes = [typical_radius(measure_radius(line, stack)) for line in lines]
        moved = [centre_line(line, stack, search, tube) for line, tube in zip(lines, tubes, strict=True)]
        lines = join_ends(moved, lines)
        lines = [smooth_line(line, settings.smooth_um / 2) for line in lines]
    return lines, ends


def _complete_radius(radius_um: np.ndarray) -> np.ndarray | None:
    """Radii with the missing ones taken from the nearest measured; None where nothing was measured."""
    known = np.flatnonzero(np.isfinite(radius_um))
    return np.interp(np.arange(len(radius_um)), known, radius_um[known]) if len(known) else None


def _name_dendrites(ends: list, lines: list, radii: list, settings: TraceSettings) -> Tracing:
    graph = nx.MultiGraph()
    for (first, last), line, radius in zip(ends, lines, radii, strict=True):
        if radius is not None:
            graph.add_edge(first, last, line=line, radius=radius, start=first)
    for first, last, key, edge in list(graph.edges(keys=True, data=True)):
        leaf = 1 in (graph.degree(first), graph.degree(last))
        if leaf and np.median(edge["radius"]) < settings.min_radius_um:
            graph.remove_edge(first, last, key)
    order = sorted(
        graph.edges(keys=True, data=True), key=lambda e: (-arc_length_um(e[3]["line"])[-1], tuple(e[3]["line"][0]))
    )
    for number, (*_, edge) in enumerate(order, start=1):
        edge["name"] = f"d{number:02d}"
    found = {}
    for tree in sorted(nx.connected_components(graph), key=min):
        found |= {d.name: d for d in _walk_outwards(graph.subgraph(tree))}
    return Tracing(tuple(found[name] for name in sorted(found, key=lambda name: int(name[1:]))))


def _walk_outwards(tree: nx.MultiGraph):
    """Dendrites of one tree, each from the end nearer to the thickest end of the tree, with its parent."""
    thickness = {
        node: max((np.median(e["radius"]) for *_, e in tree.edges(node, data=True)), default=0.0)
        for node, degree in tree.degree
    }
    free = [node for node, degree in tree.degree if degree == 1] or list(tree)
    queue = [(max(sorted(free), key=lambda node: thickness[node]), None)]
    done = set()
    while queue:
        node, parent = queue.pop(0)
        for _, other, edge in sorted(tree.edges(node, data=True), key=lambda e: e[2]["name"]):
            if edge["name"] in done:
                continue
            done.add(edge["name"])
            way = slice(None) if edge["start"] == node else slice(None, None, -1)
            yield Dendrite(edge["name"], edge["line"][way], edge["radius"][way], parent)
            queue.append((other, edge["name"]))
