"""The jumps of slices, told apart from dendrites that run obliquely through them."""

import numpy as np
import pytest

from respine.core.warp import Warp
from respine.structure.registration.resample import Lattice
from respine.structure.registration.slice_motion import estimate_slice_shift, fit_slice_shift
from respine.structure.registration.working_image import WorkingImage, highlight_structure, reduce_stack
from tissue import Tissue, grow_tissue, image_tissue

SHAPE, VOXEL_UM = (30, 120, 120), (1.0, 0.3, 0.3)
EXTENT = np.array(SHAPE) * VOXEL_UM


def shifted(shift):
    return Warp(np.eye(3), np.zeros(3), np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3), shift, VOXEL_UM[0])


def look(tissue, warp=None, seed=0, scale=1.0):
    return reduce_stack(image_tissue(tissue, SHAPE, VOXEL_UM, warp, seed=seed, scale=scale), 0.3, 10.0, 1.0, 1.0)


def estimate(image):
    return estimate_slice_shift(image, 8.0, 2.0, 0.25, 1.5)


def oblique_tissue():
    """Every dendrite runs the same way, a micrometre aside for each slice down."""
    depth = np.arange(-5, 35, 0.1)
    lines = [np.column_stack([depth, depth * 0.8 + start, depth * 0.6 + 2 * start % 17]) for start in range(0, 30, 6)]
    points = np.concatenate(lines)
    return Tissue(points, np.full(len(points), 40.0))


def test_jumps_of_single_slices_are_found():
    true = np.zeros((30, 2))
    true[[6, 13, 14, 22]] = [[0.8, -0.5], [-0.6, 0.0], [0.9, 0.9], [0.0, 1.2]]
    found = estimate(look(grow_tissue(1, EXTENT), shifted(true)))
    np.testing.assert_allclose(found[[6, 13, 14, 22]], true[[6, 13, 14, 22]], atol=0.3)
    assert np.sqrt(((found - true) ** 2).mean()) < 0.12


def test_random_jitter_is_found():
    true = np.random.default_rng(0).normal(0, 0.3, (30, 2))
    found = estimate(look(grow_tissue(1, EXTENT), shifted(true)))
    fast = np.diff(found - true, axis=0)
    assert fast.std() < 0.35 * np.diff(true, axis=0).std()


def test_an_oblique_dendrite_is_not_motion():
    found = estimate(look(oblique_tissue()))
    assert np.abs(found[3:-3]).max() < 0.1


def test_motion_is_found_in_oblique_dendrites_too():
    true = np.zeros((30, 2))
    true[15] = [0.9, -0.6]
    found = estimate(look(oblique_tissue(), shifted(true)))
    np.testing.assert_allclose(found[15], true[15], atol=0.3)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_stack_of_too_few_slices_has_no_motion(depth):
    image = look(grow_tissue(1, EXTENT))
    few = WorkingImage(image.voxels[:depth], Lattice((depth, 120, 120), image.lattice.origin_um, image.lattice.step_um))
    np.testing.assert_array_equal(estimate(few), np.zeros((depth, 2)))


def test_noise_alone_has_no_motion():
    found = estimate(look(Tissue(np.zeros((0, 3)), np.zeros(0))))
    assert np.abs(found).max() < 0.1


def test_slow_drift_is_found_against_a_reference():
    tissue = grow_tissue(1, EXTENT)
    true = np.column_stack([0.6 * np.sin(np.arange(30) / 5), 0.5 * np.cos(np.arange(30) / 6)])
    fixed, other = look(tissue), look(tissue, shifted(true), seed=1, scale=0.5)
    fixed, near = (WorkingImage(highlight_structure(i, 0.25, 4.0), i.lattice) for i in (fixed, other))
    found = fit_slice_shift(fixed, near.voxels, lambda p: p[:, 0] / VOXEL_UM[0], 30, 8.0, 1.5, 1.5)
    assert np.sqrt(((found - true) ** 2).mean()) < 0.12
    assert np.abs(true).max() > 0.5


def test_slices_without_structure_are_left_alone():
    tissue = grow_tissue(1, EXTENT)
    fixed = look(tissue)
    fixed = WorkingImage(highlight_structure(fixed, 0.25, 4.0), fixed.lattice)
    near = np.roll(fixed.voxels, 2, axis=1)
    near[20:] = np.nan
    found = fit_slice_shift(fixed, near, lambda p: p[:, 0] / VOXEL_UM[0], 30, 8.0, 1.5, 1.5)
    np.testing.assert_array_equal(found[21:], 0)
    np.testing.assert_allclose(found[3:17, 0], 0.6, atol=0.15)
