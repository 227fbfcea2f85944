"""A user's tracing lies, after it was adopted, where the same tissue is in the reference frame."""

import numpy as np
import pytest

from respine.core.dendrite import Dendrite, Tracing
from respine.core.warp import Warp
from respine.structure.tracing.adopt_tracing import adopt_tracing, join_tracings

SHIFT_UM = np.array([3.0, -20.0, 8.0])


def dendrite(name, *points, parent=None):
    return Dendrite(name, np.array(points, float), np.linspace(0.3, 0.6, len(points)), parent)


def test_a_shifted_session_is_shifted_back():
    drawn = Tracing((dendrite("a", (10, 20, 30), (10, 20, 60)), dendrite("b", (10, 20, 60), (14, 30, 80), parent="a")))
    adopted = adopt_tracing(drawn, Warp.from_affine(np.eye(3), SHIFT_UM))
    assert [(d.name, d.parent) for d in adopted] == [("a", None), ("b", "a")]
    np.testing.assert_allclose(adopted["a"].points_um[[0, -1]], drawn["a"].points_um - SHIFT_UM, atol=2e-3)
    assert adopted["a"].length_um == pytest.approx(30.0, abs=0.01)
    assert adopted["a"].radius_um[[0, -1]] == pytest.approx([0.3, 0.6])
    assert np.linalg.norm(np.diff(adopted["a"].points_um, axis=0), axis=1).max() < 0.5


def test_a_polyline_follows_the_bend_of_the_warp_between_its_corners():
    # Two points 40 um apart, and slices that jumped sideways in the middle: the adopted line is not straight.
    shift = np.zeros((41, 2))
    shift[15:26, 0] = 2.0
    warp = Warp(np.eye(3), np.zeros(3), np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3), shift, 1.0)
    adopted = adopt_tracing(Tracing((dendrite("a", (0, 50, 50), (40, 50, 50)),)), warp)
    line = adopted["a"].points_um
    middle = np.abs(line[:, 0] - 20) < 3
    np.testing.assert_allclose(line[middle, 1], 48.0, atol=0.01)
    np.testing.assert_allclose(line[line[:, 0] < 10, 1], 50.0, atol=0.01)


def test_a_name_is_taken_from_the_first_tracing_that_has_it():
    first = Tracing((dendrite("a", (0, 0, 0), (0, 0, 10)),))
    second = Tracing((dendrite("a", (0, 0, 0), (0, 0, 99)), dendrite("b", (0, 0, 0), (0, 0, 5), parent="a")))
    joined = join_tracings([first, second])
    assert [d.name for d in joined] == ["a", "b"]
    assert joined["a"].length_um == pytest.approx(10.0)
