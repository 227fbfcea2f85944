"""Centring, smoothing and the radius, each on a line whose answer is known."""

import numpy as np
import pytest

from respine.core.geometry import arc_length_um, resample_line
from respine.core.stack import Stack
from respine.structure.tracing.trace_centre import (
    Search,
    centre_line,
    half_width,
    join_ends,
    level_tip,
    measure_radius,
    smooth_line,
    typical_radius,
)
from tubes import HALF_WIDTH, bend, distances, paint_spots, paint_tubes

SEARCH = Search(0.8, 2.0, 1.0)
LINE = np.array([(8.0, 10, 0), (8.0, 10, 30)])
SHAPE_UM = (16, 20, 30)


def test_smoothing_keeps_the_ends_and_takes_out_the_staircase():
    x = np.arange(0, 20, 0.24)
    stairs = np.stack([np.full(len(x), 5.0), np.round(x / 3) * 0.24, x], axis=1)
    smooth = smooth_line(stairs, 1.0)
    np.testing.assert_array_equal(smooth[[0, -1]], stairs[[0, -1]])
    assert np.abs(np.diff(smooth[:, 1])).max() < 0.06
    assert np.ptp(np.linalg.norm(np.diff(smooth, axis=0), axis=1)) < 0.02


def test_smoothing_hardly_cuts_a_bend():
    line = bend(4.0, (5, 0, 0), 10)
    assert distances(smooth_line(line, 0.5), line)[0].max() < 0.05


@pytest.mark.parametrize("points", [[(0, 0, 0), (0, 0, 0.1)], [(0, 0, 0), (0, 0, 0.5)], [(0, 0, 0), (1, 1, 1)]])
def test_a_line_of_few_points_is_smoothed_without_harm(points):
    smooth = smooth_line(np.array(points, float), 2.0)
    np.testing.assert_array_equal(smooth[[0, -1]], points)


def test_a_hook_at_the_tip_is_levelled():
    line = resample_line(LINE, 0.25)
    hooked = line.copy()
    hooked[:4, 0] += (2.0, 1.5, 1.0, 0.5)
    np.testing.assert_allclose(level_tip(hooked)[:, 0], 8.0, atol=0.05)
    np.testing.assert_array_equal(level_tip(line[:20]), line[:20])


@pytest.mark.parametrize("off_um", [(0, 0.6, 0), (1.5, 0, 0), (-1.5, -0.6, 0)])
def test_a_line_moves_onto_the_tube_and_keeps_its_points(off_um):
    start = resample_line(LINE, 0.3) + off_um
    moved = centre_line(start, paint_tubes([LINE], SHAPE_UM), SEARCH, 0.45)
    lateral, axial = distances(moved, LINE)
    assert lateral.max() < 0.1
    assert axial.max() < 0.4
    np.testing.assert_allclose(moved[:, 2], start[:, 2], atol=0.05)


def test_a_steep_tube_is_centred_too():
    line = np.array([(2.0, 10, 12), (28.0, 11, 20)])
    moved = centre_line(
        resample_line(line, 0.3) + np.array([0, 0.5, 0]), paint_tubes([line], (30, 20, 30)), SEARCH, 0.45
    )
    assert distances(moved, line)[0][5:-5].max() < 0.25


def test_the_radius_leaves_spines_out_and_does_not_depend_on_brightness():
    line = resample_line(LINE, 0.3)
    stack = paint_tubes([LINE], SHAPE_UM, noise=0)
    spiny = paint_spots(stack, [(8, 11.2, 8.0), (8, 8.8, 16.0), (8, 11.0, 24.0)])
    dim = Stack(stack.voxels / 10, stack.voxel_um)
    for image in (stack, spiny, dim):
        np.testing.assert_allclose(measure_radius(line, image), HALF_WIDTH * 0.4, rtol=0.12)


def test_the_radius_at_the_edge_of_the_stack_comes_from_the_inner_side():
    line = resample_line([(8.0, 0.2, 0), (8.0, 0.2, 30)], 0.3)
    radius = measure_radius(line, paint_tubes([line], SHAPE_UM, noise=0))
    np.testing.assert_allclose(radius, HALF_WIDTH * 0.4, rtol=0.12)


def test_a_radius_that_cannot_be_measured_is_missing():
    line = resample_line(LINE, 0.3)
    assert np.isnan(measure_radius(line, Stack(np.ones((17, 101, 151)), (1, 0.2, 0.2)))).all()
    assert np.isnan(measure_radius(line + np.array([0, 300, 0]), paint_tubes([LINE], SHAPE_UM))).all()
    assert typical_radius(np.array([np.nan, 0.3, 0.5, np.nan])) == pytest.approx(0.4)
    assert typical_radius(np.array([np.nan])) == 0.45


@pytest.mark.parametrize(
    ("side", "width"),
    [
        ([10, 8, 6, 4, 2, 0], 2.5),
        ([10, 8, 6, 4, 2, 0, np.nan, 50], 2.5),
        ([10, 0, 9, 9], 0.5),
        ([5, 5, 5], np.nan),
        ([5, 6, 7], np.nan),
        ([np.nan, 1], np.nan),
    ],
)
def test_the_half_width_is_where_half_the_height_is_crossed(side, width):
    assert half_width(np.array(side, float)) == pytest.approx(width, nan_ok=True)


def test_ends_that_met_meet_again_at_their_mean_and_the_rest_stays():
    before = [resample_line([(0, 0, 0), (0, 0, 10)], 0.5), resample_line([(0, 0, 10), (0, 8, 16)], 0.5)]
    moved = [before[0] + (0, 0.4, 0), before[1] + (0, 0, 0.4)]
    joined = join_ends(moved, before)
    np.testing.assert_array_equal(joined[0][-1], joined[1][0])
    np.testing.assert_allclose(joined[0][-1], [0, 0.2, 10.2])
    far = arc_length_um(joined[0]) < 7.5
    np.testing.assert_array_equal(joined[0][far], moved[0][far])
    np.testing.assert_array_equal(joined[1][-1], moved[1][-1])
