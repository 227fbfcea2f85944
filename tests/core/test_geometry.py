import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from respine.core.geometry import arc_length_um, planar_normals, points_at, project_on_line, resample_line

LINE = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 4.0], [3.0, 0.0, 8.0]])


def test_length_counts_the_depth():
    np.testing.assert_allclose(arc_length_um(LINE), [0.0, 4.0, 9.0])


def test_resampled_points_lie_at_equal_distances_and_keep_the_ends():
    line = resample_line(LINE, 0.5)
    np.testing.assert_allclose(line[[0, -1]], LINE[[0, -1]])
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.5, atol=0.03)


def test_repeated_points_do_no_harm():
    np.testing.assert_allclose(resample_line(np.repeat(LINE, 3, axis=0), 0.5), resample_line(LINE, 0.5))


def test_points_beyond_an_end_are_that_end():
    np.testing.assert_allclose(points_at(LINE, np.array([-1.0, 6.5, 20.0])), [LINE[0], [1.5, 0.0, 6.0], LINE[2]])


def test_left_of_a_walk_to_larger_x_is_up_on_the_screen():
    np.testing.assert_allclose(planar_normals(LINE), [[-1.0, 0.0]] * 3)


def test_a_stretch_straight_down_borrows_its_direction():
    line = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 5.0]])
    assert np.isfinite(planar_normals(line)).all()
    np.testing.assert_allclose(np.linalg.norm(planar_normals(line), axis=1), 1.0)


@given(st.floats(0, 9), st.floats(-1, 1))
def test_a_point_beside_the_line_is_found_again(position, offset):
    point = points_at(LINE, np.array([position])) + np.array([[0.0, offset, 0.0]])
    found, distance = project_on_line(point, LINE)
    assert found[0] == pytest.approx(position, abs=1e-6)
    assert distance[0] == pytest.approx(abs(offset), abs=1e-6)
