"""Patches, paths through them, and the cheapest way between two voxels."""

import numpy as np
from scipy.ndimage import gaussian_filter

from respine.structure.tracing.ridge import RidgeMap
from respine.structure.tracing.trace_paths import cheapest_path, extract_paths, find_patches

VOXEL_UM = np.array([1.0, 0.25, 0.25])


def ridge_map(*strokes, shape=(12, 80, 160), blur=(0.8, 1.2, 1.2)):
    """Blurred strokes (z, y slice, x slice, strength)."""
    image = np.zeros(shape, np.float32)
    for z, y, x, strength in strokes:
        image[z, y, x] = strength
    return RidgeMap(gaussian_filter(image, blur), np.zeros(3), VOXEL_UM, 0.1)


LINE = (6, 40, slice(10, 150), 100.0)


def test_a_patch_needs_a_strong_voxel_and_some_extent():
    ridges = ridge_map(LINE, (6, 10, slice(20, 60), 30.0), (6, 70, slice(20, 24), 100.0))
    level = ridges.ridge.max()
    assert len(np.unique(find_patches(ridges, 0.1 * level, 0.2 * level, 0.0, 2.4).patch)) == 3
    assert len(np.unique(find_patches(ridges, 0.1 * level, 0.2 * level, 4.0, 2.4).patch)) == 2
    assert len(np.unique(find_patches(ridges, 0.1 * level, 0.5 * level, 4.0, 2.4).patch)) == 1
    nothing = find_patches(ridges, 2 * level, 3 * level, 0.0, 2.4)
    assert len(nothing.index) == 0
    assert extract_paths(ridges, nothing, 3.0, 2.4) == []


def test_a_line_is_one_path_along_its_middle_from_end_to_end():
    ridges = ridge_map(LINE)
    patches = find_patches(ridges, 0.1 * ridges.ridge.max(), 0, 4.0, 2.4)
    (path,) = extract_paths(ridges, patches, 3.0, 2.4)
    np.testing.assert_array_equal(np.unique(path[:, :2], axis=0), [[6, 40]])
    assert abs(np.ptp(path[:, 2]) - 139) <= 4


def test_a_side_branch_ends_on_the_first_path():
    ridges = ridge_map(LINE, (6, slice(40, 75), 80, 100.0))
    patches = find_patches(ridges, 0.1 * ridges.ridge.max(), 0, 4.0, 2.4)
    main, side = extract_paths(ridges, patches, 3.0, 2.4)
    assert len(main) > 130
    assert (main == side[-1]).all(1).any()
    assert abs(side[-1][2] - 80) <= 3
    assert abs(side[0][1] - 74) <= 3
    assert len(extract_paths(ridges, patches, 30.0, 2.4)) == 1


def test_two_patches_are_two_paths_that_do_not_touch():
    ridges = ridge_map(LINE, (6, 10, slice(10, 150), 100.0))
    patches = find_patches(ridges, 0.1 * ridges.ridge.max(), 0, 4.0, 2.4)
    assert sorted(path[0][1] for path in extract_paths(ridges, patches, 3.0, 2.4)) == [10, 40]


def test_the_cheapest_path_takes_the_ridge_and_not_the_straight_way():
    ridges = ridge_map((6, 10, slice(10, 100), 100.0), (6, slice(10, 60), 100, 100.0), (6, 60, slice(10, 101), 100.0))
    path = cheapest_path(ridges, np.array([6, 10, 12]), np.array([6, 60, 12]), margin_um=30.0)
    np.testing.assert_array_equal(path[[0, -1]], [[6, 10, 12], [6, 60, 12]])
    assert path[:, 2].max() >= 97
    near = cheapest_path(ridges, np.array([6, 10, 12]), np.array([6, 60, 12]), margin_um=2.0)
    assert near[:, 2].max() <= 20
