"""The path between two clicks on tubes of known course."""

import numpy as np
import pytest

from respine.core.errors import InputError
from respine.structure.tracing.trace import TraceSettings
from respine.structure.tracing.trace_path import trace_path
from tubes import bend, distances, paint_tubes

SETTINGS = TraceSettings()
SHAPE_UM = (20, 28, 30)
LINE = bend(5.0, (10, 4, 0), 18)


@pytest.fixture(scope="module")
def stack():
    return paint_tubes([LINE, [(10, 27, 0), (10, 4, 10)]], SHAPE_UM, peaks=[80, 160])


def test_a_path_follows_the_dendrite_and_not_the_shortest_way(stack):
    path = trace_path(stack, np.array([10, 4, 2.0]), np.array([10, 25, 23.0]), SETTINGS)
    lateral, axial = distances(path, LINE)
    assert lateral.max() < 0.3
    assert axial.max() < 0.8
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 0.5
    np.testing.assert_allclose(path[0], [10, 4, 2], atol=1.0)
    np.testing.assert_allclose(path[-1], [10, 25, 23], atol=1.0)


def test_a_click_beside_the_dendrite_means_the_dendrite(stack):
    path = trace_path(stack, np.array([12, 4.5, 14.0]), np.array([8, 25, 23.5]), SETTINGS)
    lateral, axial = distances(path, LINE)
    assert lateral.max() < 0.3
    assert axial.max() < 0.8


def test_where_nothing_is_to_follow_the_path_still_goes_from_start_to_end():
    path = trace_path(paint_tubes([], SHAPE_UM, noise=0), np.array([5, 5, 5.0]), np.array([5, 5, 15.0]), SETTINGS)
    np.testing.assert_allclose(path[[0, -1]], [[5, 5, 5], [5, 5, 15]], atol=0.3)


def test_points_outside_the_stack_are_refused(stack):
    with pytest.raises(InputError) as error:
        trace_path(stack, np.array([10, 4, 2.0]), np.array([10, 25, 33.0]), SETTINGS)
    assert str(error.value) == (
        "trace_path: the end (10.0, 25.0, 33.0) um lies outside the stack, "
        "which reaches from 0 to (20.0, 28.0, 30.0) um"
    )


def test_points_that_are_no_points_are_refused(stack):
    with pytest.raises(InputError) as error:
        trace_path(stack, [10, 4], np.array([10, 25, 23.0]), SETTINGS)
    assert str(error.value) == "trace_path: the start must be three finite numbers (z, y, x) in um; found [10, 4]"
    with pytest.raises(InputError, match="three finite numbers"):
        trace_path(stack, np.array([np.nan, 4, 2]), np.array([10, 25, 23.0]), SETTINGS)


def test_points_at_the_same_place_are_refused(stack):
    with pytest.raises(InputError) as error:
        trace_path(stack, np.array([10, 4, 2.0]), np.array([10, 4, 2.5]), SETTINGS)
    assert str(error.value) == "trace_path: start and end are 0.50 um apart; expected at least 1.0 um"
