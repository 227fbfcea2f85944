"""Handmade graphs on a handmade ridge map: what is pruned, trimmed, bridged, cut and parted."""

import networkx as nx
import numpy as np
import pytest

from respine.core.geometry import arc_length_um
from respine.structure.tracing.ridge import RidgeMap
from respine.structure.tracing.trace_crossings import resolve_crossings
from respine.structure.tracing.trace_graph import (
    bridge_gaps,
    build_graph,
    cut_hairpins,
    merge_through_nodes,
    points_from,
    prune_twigs,
    trim_tips,
)

VOXEL_UM = np.array([1.0, 0.25, 0.25])
SHAPE = (20, 160, 240)


def walk(*corners):
    """Voxels along a polyline of voxel indices."""
    path = [np.array(corners[0])]
    for corner in corners[1:]:
        while (path[-1] != corner).any():
            path.append(path[-1] + np.sign(np.array(corner) - path[-1]))
    return np.array(path)


def ridges_of(*walks, strength=10.0):
    ridge = np.full(SHAPE, 0.1, np.float32)
    strengths = np.broadcast_to(strength, len(walks))
    for path, value in zip(walks, strengths, strict=True):
        ridge[tuple(path.T)] = value
    return RidgeMap(ridge, np.zeros(3), VOXEL_UM, 0.1)


def graph_of(*walks, strength=10.0):
    ridges = ridges_of(*walks, strength=strength)
    return build_graph(list(walks), ridges), ridges


def lengths(graph):
    return sorted(round(arc_length_um(edge["points"])[-1], 2) for *_, edge in graph.edges(data=True))


MAIN = walk((10, 80, 0), (10, 80, 200))


def test_paths_that_meet_are_split_there():
    side = walk((10, 120, 140), (10, 80, 100))
    graph, _ = graph_of(MAIN, side)
    assert dict(graph.degree) == {(10, 80, 0): 1, (10, 80, 200): 1, (10, 120, 140): 1, (10, 80, 100): 3}
    assert lengths(graph) == pytest.approx([14.14, 25, 25], abs=0.01)
    for first, last, edge in graph.edges(data=True):
        for node in (first, last):
            np.testing.assert_array_equal(points_from(edge, node)[0], np.array(node) * VOXEL_UM)


def test_a_node_with_two_edges_is_no_node():
    graph = nx.MultiGraph()
    graph.add_edge((0, 0, 0), (0, 0, 1), points=np.array([[0, 0, 0.0], [0, 0, 0.25]]), start=(0, 0, 0))
    graph.add_edge((0, 0, 2), (0, 0, 1), points=np.array([[0, 0, 0.5], [0, 0, 0.25]]), start=(0, 0, 2))
    graph.add_node((5, 5, 5))
    merge_through_nodes(graph)
    ((first, _, edge),) = graph.edges(data=True)
    np.testing.assert_array_equal(np.abs(np.diff(points_from(edge, first)[:, 2])), [0.25, 0.25])
    assert set(graph) == {(0, 0, 0), (0, 0, 2)}


def test_a_short_side_branch_is_a_spine_and_a_long_one_is_not():
    spine, branch = walk((10, 96, 100), (10, 80, 100)), walk((10, 20, 60), (10, 80, 60))
    graph, ridges = graph_of(MAIN, spine, branch)
    prune_twigs(graph, ridges, 8.0, 2.4)
    assert lengths(graph) == [15, 15, 35]


def test_the_axial_tail_of_a_bright_spot_is_no_branch():
    tail = walk((0, 80, 100), (10, 80, 100))
    graph, ridges = graph_of(MAIN, tail)
    prune_twigs(graph, ridges, 8.0, 2.4)
    assert lengths(graph) == [50]


@pytest.mark.parametrize(("strengths", "end"), [((10, 10), (10, 80, 200)), ((10, 60), (10, 64, 170))])
def test_of_two_short_ends_the_straight_or_much_brighter_one_stays(strengths, end):
    straight, bent = walk((10, 80, 200), (10, 80, 186)), walk((10, 64, 170), (10, 80, 186))
    graph, ridges = graph_of(walk((10, 80, 0), (10, 80, 186)), straight, bent, strength=[10, *strengths])
    prune_twigs(graph, ridges, 8.0, 2.4)
    assert set(graph) == {(10, 80, 0), end}


def test_a_faint_tail_is_trimmed_and_a_faint_stretch_within_is_not():
    faint, within = walk((10, 80, 170), (10, 80, 200)), walk((10, 80, 60), (10, 80, 80))
    ridges = ridges_of(MAIN, faint, within, strength=[10, 2, 2])
    graph = build_graph([MAIN], ridges)
    trim_tips(graph, ridges, 0.5, 2.4)
    ((_, _, edge),) = graph.edges(data=True)
    np.testing.assert_allclose(sorted(edge["points"][[0, -1], 2]), [0, 169 * 0.25], atol=0.3)


def test_ends_that_head_for_each_other_are_bridged_along_the_ridge():
    first, second = walk((10, 80, 0), (10, 80, 90)), walk((10, 84, 110), (10, 84, 200))
    graph, _ = graph_of(first, second)
    ridges = ridges_of(first, second, walk((10, 80, 90), (10, 84, 94), (10, 84, 110)), strength=[10, 10, 3])
    bridge_gaps(graph, ridges, 10.0, 1.0, 2.4)
    assert lengths(graph) == pytest.approx([50.4], abs=0.2)


@pytest.mark.parametrize(
    ("second", "support", "gap_um"),
    [
        (walk((10, 80, 140), (10, 80, 200)), 1.0, 10.0),  # too far
        (walk((10, 80, 110), (10, 80, 200)), 1.0, 4.0),  # farther than the setting
        (walk((10, 110, 92), (10, 150, 92)), 0.0, 10.0),  # heads elsewhere
        (walk((10, 80, 110), (10, 80, 200)), 1.0, 10.0),  # nothing in the gap
        (walk((10, 80, 100), (10, 80, 110)), 0.0, 10.0),  # a piece too short to have a direction
    ],
)
def test_other_ends_are_not_bridged(second, support, gap_um):
    graph, ridges = graph_of(walk((10, 80, 0), (10, 80, 90)), second)
    bridge_gaps(graph, ridges, gap_um, support, 2.4)
    assert graph.number_of_edges() == 2


def test_a_branch_that_begins_beside_its_parent_is_joined_to_it():
    branch = walk((10, 92, 112), (10, 140, 160))
    graph, ridges = graph_of(MAIN, branch)
    bridge_gaps(graph, ridges, 10.0, 0.0, 2.4)
    assert sorted(degree for _, degree in graph.degree) == [1, 1, 1, 3]


def test_a_faint_hairpin_is_cut_and_a_bright_bend_is_not():
    hairpin = walk((10, 80, 0), (10, 80, 200), (10, 90, 200), (10, 90, 60))
    faint = walk((10, 80, 195), (10, 80, 200), (10, 90, 200), (10, 90, 195))
    for strength, pieces in ((2, 2), (10, 1)):
        ridges = ridges_of(hairpin, faint, strength=[10, strength])
        graph = build_graph([hairpin], ridges)
        cut_hairpins(graph, ridges)
        assert graph.number_of_edges() == pieces
    corner = walk((10, 80, 0), (10, 80, 200), (10, 150, 200))
    ridges = ridges_of(corner, walk((10, 80, 195), (10, 80, 200)), strength=[10, 2])
    graph = build_graph([corner], ridges)
    cut_hairpins(graph, ridges)
    assert graph.number_of_edges() == 1


def test_four_arms_that_make_two_lines_are_two_dendrites():
    across = [walk((10, 20, 100), (10, 80, 100)), walk((14, 140, 106), (10, 80, 106))]
    graph, _ = graph_of(MAIN, *across)
    assert resolve_crossings(graph, 4.0, 2.4) == 1
    assert graph.number_of_edges() == 2
    assert all(degree == 1 for _, degree in graph.degree)
    ends = {frozenset((first, last)) for first, last in graph.edges()}
    assert ends == {frozenset({(10, 80, 0), (10, 80, 200)}), frozenset({(10, 20, 100), (14, 140, 106)})}


def test_two_branch_points_on_one_side_or_far_apart_are_no_crossing():
    same_side = [walk((10, 20, 40), (10, 80, 100)), walk((10, 20, 160), (10, 80, 106))]
    far = [walk((10, 20, 60), (10, 80, 60)), walk((10, 140, 120), (10, 80, 120))]
    for sides in (same_side, far):
        graph, _ = graph_of(MAIN, *sides)
        assert resolve_crossings(graph, 4.0, 2.4) == 0
        assert graph.number_of_edges() == 5
