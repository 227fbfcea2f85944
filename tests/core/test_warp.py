"""The map from the reference frame to a raw stack: its parts, its inverse, what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from respine.core.errors import InputError
from respine.core.warp import Warp

POINTS = np.random.default_rng(0).uniform(0, 40, (50, 3))


def make_warp(**changed):
    parts = {
        "matrix": np.eye(3),
        "offset_um": np.zeros(3),
        "displacement_um": np.zeros((1, 1, 1, 3)),
        "grid_origin_um": np.zeros(3),
        "grid_step_um": np.ones(3),
        "slice_shift_um": np.zeros((1, 2)),
        "slice_um": 1.0,
    }
    return Warp(**{**parts, **changed})


def test_identity_leaves_points_where_they_are():
    np.testing.assert_array_equal(Warp.identity().apply(POINTS), POINTS)


def test_affine_part_is_matrix_then_offset():
    warp = Warp.from_affine(np.diag([1.0, 2.0, 3.0]), [1.0, 0.0, -1.0])
    np.testing.assert_allclose(warp.apply([[1.0, 1.0, 1.0]]), [[2.0, 2.0, 2.0]])


def test_displacement_is_met_at_the_nodes_and_constant_beyond_the_grid():
    displacement = np.random.default_rng(1).normal(0, 1, (4, 5, 6, 3))
    warp = make_warp(
        displacement_um=displacement, grid_origin_um=np.array([-2.0, 1.0, 3.0]), grid_step_um=np.full(3, 5.0)
    )
    node = np.array([[1, 2, 3]])
    np.testing.assert_allclose(warp.apply(node * 5.0 + [-2, 1, 3]) - (node * 5.0 + [-2, 1, 3]), displacement[1:2, 2, 3])
    far, farther = warp.apply(np.array([[500.0, 6, 8], [900.0, 6, 8]])) - [[500.0, 6, 8], [900.0, 6, 8]]
    np.testing.assert_allclose(far, farther)


def test_slice_shift_is_that_of_the_slice_where_the_point_arrives():
    shift = np.arange(20.0).reshape(10, 2)
    warp = make_warp(offset_um=np.array([4.0, 0.0, 0.0]), slice_shift_um=shift, slice_um=2.0)
    # z = 1 arrives at 5 um, halfway between slices 2 and 3.
    np.testing.assert_allclose(warp.apply([[1.0, 0.0, 0.0]]), [[5.0, 5.0, 6.0]])


def test_slice_shift_ends_with_the_stack():
    warp = make_warp(slice_shift_um=np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_allclose(warp.apply([[-5.0, 0, 0], [50.0, 0, 0]]), [[-5.0, 1, 2], [50.0, 3, 4]])


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), bend_um=st.floats(0, 1.0))
def test_inverse_undoes_the_warp(seed, bend_um):
    rng = np.random.default_rng(seed)
    warp = make_warp(
        matrix=np.eye(3) + rng.normal(0, 0.03, (3, 3)),
        offset_um=rng.normal(0, 10, 3),
        displacement_um=rng.normal(0, bend_um, (5, 5, 5, 3)),
        grid_step_um=np.full(3, 12.0),
        slice_shift_um=rng.normal(0, 0.2, (40, 2)),
    )
    np.testing.assert_allclose(warp.inverse(warp.apply(POINTS)), POINTS, atol=5e-3)


def test_inverse_of_no_points_is_no_points():
    assert Warp.identity().inverse(np.zeros((0, 3))).shape == (0, 3)


def test_a_folding_warp_is_refused_by_its_inverse():
    fold = make_warp(
        displacement_um=np.array([0.0, 30.0, 0.0, 30.0]).reshape(1, 1, 4, 1) * [0, 0, 1.0], grid_step_um=np.full(3, 4.0)
    )
    with pytest.raises(InputError) as caught:
        fold.inverse(POINTS)
    assert str(caught.value) == "the warp cannot be inverted at every point: it folds or is too steep there"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"matrix": np.eye(2)}, "warp: matrix must have shape (3, 3); found (2, 2)"),
        ({"offset_um": np.zeros(2)}, "warp: offset_um must have shape (3,); found (2,)"),
        ({"offset_um": np.array([0, np.nan, 0])}, "warp: offset_um holds a value that is not finite"),
        ({"displacement_um": np.zeros((2, 2, 3))}, "warp: displacement_um must be (z, y, x, 3); found (2, 2, 3)"),
        ({"slice_shift_um": np.zeros((4, 3))}, "warp: slice_shift_um must be (slices, 2); found (4, 3)"),
    ],
)
def test_impossible_parts_are_refused(changed, message):
    with pytest.raises(InputError) as caught:
        make_warp(**changed)
    assert str(caught.value) == message


def test_a_warp_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Warp.identity().offset_um[0] = 1.0


def test_without_slice_motion_the_smooth_part_is_left():
    shaken = make_warp(offset_um=np.array([0.5, 1.0, -2.0]), slice_shift_um=np.full((40, 2), 0.7))
    still = shaken.without_slice_motion()
    np.testing.assert_allclose(shaken.apply(POINTS) - still.apply(POINTS), np.tile([0.0, 0.7, 0.7], (len(POINTS), 1)))
