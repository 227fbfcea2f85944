import numpy as np
import pytest

from painted import Y_UM, Z_UM, Spot, paint_ribbon, paint_stack, straight_dendrite
from respine.core.dendrite import Dendrite
from respine.core.stack import Stack
from respine.core.warp import Warp
from respine.structure.spines.straighten import StraightenSettings, straighten_dendrite


def brightest(ribbon):
    values = np.where(np.isfinite(ribbon.values), ribbon.values, -np.inf)
    row, column, plane = np.unravel_index(values.argmax(), values.shape)
    return np.array([ribbon.position_um[row], ribbon.lateral_um[column], ribbon.axial_um[plane]])


def test_a_spine_stands_where_it_was_painted():
    ribbon = paint_ribbon([Spot(20.0, 1.5, peak=400.0)])
    np.testing.assert_allclose(brightest(ribbon), [19.0, 1.5, 0.0], atol=0.11)


def test_left_of_a_line_towards_larger_x_is_smaller_y():
    ribbon = paint_ribbon([])
    np.testing.assert_allclose(ribbon.to_raw([10.0], [1.0], [0.5]), [[Z_UM + 0.5, Y_UM - 1.0, 11.0]], atol=1e-9)


def test_ribbon_coordinates_and_the_raw_stack_are_inverse_on_a_bent_dendrite():
    angle = np.linspace(0, 1.2, 60)
    line = np.stack([10 + 2 * angle, 30 - 20 * np.cos(angle), 5 + 20 * np.sin(angle)], axis=1)
    bent = Dendrite("d01", line, np.full(60, 0.4))
    stack = Stack(np.zeros((25, 300, 300), np.uint8), (1.0, 0.12, 0.12))
    ribbon = straighten_dendrite(bent, bent, Warp.identity(), stack)
    rng = np.random.default_rng(3)
    there = np.column_stack([rng.uniform(2, 20, 50), rng.uniform(-3, 3, 50), rng.uniform(-2, 2, 50)])
    np.testing.assert_allclose(ribbon.from_raw(ribbon.to_raw(*there.T)), there, atol=0.1)


def test_the_position_axis_is_that_of_the_reference_frame():
    """A session in which the tissue lies elsewhere and is shown larger has the same positions."""
    reference = straight_dendrite()
    warp = Warp.from_affine(np.diag([1.0, 1.0, 1.1]), np.array([0.0, 0.3, 0.5]))
    fitted = Dendrite("d01", warp.apply(reference.points_um), reference.radius_um)
    spot = warp.apply(np.array([[Z_UM, Y_UM, 20.0]]))[0, 2]
    stack = paint_stack([Spot(spot, 1.5, peak=400.0)], length_um=50.0)
    ribbon = straighten_dendrite(reference, fitted, warp, stack)
    assert brightest(ribbon)[0] == pytest.approx(19.0, abs=0.1)


def test_what_lies_outside_or_at_the_edge_is_unknown():
    near_edge = Dendrite("d01", np.array([[Z_UM, 1.0, 5.0], [Z_UM, 1.0, 15.0]]), np.array([0.4, 0.4]))
    ribbon = straighten_dendrite(near_edge, near_edge, Warp.identity(), paint_stack([]))
    known = np.isfinite(ribbon.values[50, :, 6])
    y = 1.0 - ribbon.lateral_um
    np.testing.assert_array_equal(known, y >= StraightenSettings().edge_um)


def test_the_same_image_at_another_voxel_size_gives_the_same_ribbon():
    fine = paint_ribbon([Spot(20.0, 1.5)])
    stack = paint_stack([Spot(20.0, 1.5)])
    coarse = Stack(stack.voxels[:, ::2, ::2], (1.0, 0.24, 0.24))
    dendrite = straight_dendrite()
    other = straighten_dendrite(dendrite, dendrite, Warp.identity(), coarse)
    both = np.isfinite(fine.values) & np.isfinite(other.values)
    assert np.abs(fine.values - other.values)[both].max() < 0.12 * fine.values[both].max()
