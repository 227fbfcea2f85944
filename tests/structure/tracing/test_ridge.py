"""The ridge measure: algebra, invariances and what it must not respond to."""

import numpy as np
import pytest

from respine.core.stack import Stack
from respine.structure.tracing import ridge
from respine.structure.tracing.ridge import (
    compute_ridge_map,
    reduce_stack,
    ridge_measure,
    stabilise,
    symmetric_eigenvalues,
)
from tubes import VOXEL_UM, paint_spots, paint_tubes

SCALES_UM, AXIAL_UM = (0.3, 0.55), 1.2


def test_the_eigenvalues_are_those_of_numpy():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(6, 200))
    parts[:, 0] = 0
    parts[3:, 1], parts[:3, 1] = 0, 2.0
    zz, yy, xx, zy, zx, yx = parts
    matrices = np.stack([np.stack([zz, zy, zx]), np.stack([zy, yy, yx]), np.stack([zx, yx, xx])]).transpose(2, 0, 1)
    found = np.stack(symmetric_eigenvalues(list(parts)), axis=1)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(matrices), atol=1e-7)


@pytest.mark.parametrize("voxel_um", [(1.0, 0.12, 0.12), (0.5, 0.07, 0.07), (2.0, 0.2, 0.2), (0.3, 0.11, 0.2)])
def test_a_spot_keeps_its_place_in_um_when_the_stack_is_reduced(voxel_um):
    stack = paint_spots(paint_tubes([], (11, 7, 8), voxel_um, noise=0), [(5, 3.3, 4.1)])
    reduced, origin, voxel = reduce_stack(stack)
    weight = reduced - reduced.min()
    centre = [(weight * index).sum() / weight.sum() for index in np.indices(reduced.shape)]
    np.testing.assert_allclose(origin + centre * voxel, [5, 3.3, 4.1], atol=0.05)
    assert 0.6 <= voxel[0] <= 2
    assert 0.15 <= voxel[1:].min() <= voxel[1:].max() <= 0.3


def test_blocks_of_nan_stay_nan_and_single_ones_are_left_out_of_the_mean():
    voxels = np.ones((2, 4, 4), np.float32)
    voxels[:, :2, :2] = np.nan
    voxels[0, 3, 3] = np.nan
    reduced, _, _ = reduce_stack(Stack(voxels, (1.0, 0.12, 0.12)))
    assert np.isnan(reduced[:, 0, 0]).all()
    np.testing.assert_array_equal(reduced[:, 1, 1], 1)


def test_stabilising_makes_photon_noise_even():
    rng = np.random.default_rng(1)
    background, bright = rng.poisson(2.0, (20, 60, 60)), rng.poisson(100.0, (20, 60, 6))
    even = stabilise(np.concatenate([background, bright], axis=2).astype(np.float32))
    assert even[:, :, 61:].std() / even[:, :, :60].std() == pytest.approx(1, abs=0.3)
    assert np.median(even[:, :, :60]) == pytest.approx(0, abs=0.05)


def test_stabilising_does_not_depend_on_gain_and_offset():
    image = np.random.default_rng(2).poisson(8.0, (5, 30, 30)).astype(np.float32)
    np.testing.assert_allclose(stabilise(image), stabilise(image * 40 - 300), atol=1e-4)


def test_the_measure_does_not_depend_on_the_blocks_it_is_computed_in(monkeypatch):
    image = stabilise(paint_tubes([[(5, 0, 0), (5, 20, 20)]], (10, 20, 20)).voxels)
    whole = ridge_measure(image, np.array(VOXEL_UM), SCALES_UM, AXIAL_UM)
    monkeypatch.setattr(ridge, "_BLOCK_ROWS", 17)
    np.testing.assert_allclose(ridge_measure(image, np.array(VOXEL_UM), SCALES_UM, AXIAL_UM), whole, atol=1e-5)


def test_a_tube_is_stronger_than_a_spot_of_its_width_and_far_stronger_than_a_plane():
    tube = paint_tubes([[(10, 10, 0), (10, 10, 20)]], (20, 20, 20), noise=0).voxels
    spot = paint_spots(paint_tubes([], (20, 20, 20), noise=0), [(10, 10, 10)], sigma_um=0.4).voxels
    plane = np.broadcast_to(tube[:, 50:51, :], tube.shape)
    strength = [
        ridge_measure(image - 5, np.array(VOXEL_UM), SCALES_UM, AXIAL_UM)[10, 50, 50] for image in (tube, spot, plane)
    ]
    assert strength[0] > 1.5 * strength[1]
    assert strength[0] > 20 * strength[2]


def test_the_measure_is_strongest_on_the_middle_of_a_tube():
    ridges = compute_ridge_map(paint_tubes([[(9, 8, 0), (9, 8, 20)]], (18, 16, 20)), SCALES_UM, AXIAL_UM)
    top = np.unravel_index(np.argmax(ridges.ridge[:, :, 50]), ridges.ridge.shape[:2])
    np.testing.assert_allclose(ridges.to_um([[*top, 50]])[0], [9, 8, 10], atol=0.25)
    np.testing.assert_array_equal(ridges.to_voxel(ridges.to_um([[3, 4, 5]])), [[3, 4, 5]])
    np.testing.assert_array_equal(ridges.to_voxel(np.array([[-50, 900, 2.0]])), [[0, ridges.ridge.shape[1] - 1, 10]])


def test_a_spot_on_the_first_slice_is_no_tube_along_z():
    stack = paint_tubes([], (12, 12, 12), noise=0)
    ridges = [
        compute_ridge_map(paint_spots(stack, [(z, 6, 6)], sigma_um=0.4), SCALES_UM, AXIAL_UM).ridge for z in (0, 6)
    ]
    assert ridges[0].max() < 1.2 * ridges[1].max()
