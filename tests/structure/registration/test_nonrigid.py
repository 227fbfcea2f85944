"""Blocks placed where there is structure, and found through the map so far."""

import numpy as np
import pytest

from respine.core.warp import Warp
from respine.structure.registration.nonrigid import match_through, place_blocks
from respine.structure.registration.rigid import rotation_about_z
from respine.structure.registration.working_image import WorkingImage, highlight_structure, reduce_stack
from tissue import grow_tissue, image_tissue

SHAPE, VOXEL_UM = (24, 110, 110), (1.0, 0.3, 0.3)
EXTENT = np.array(SHAPE) * VOXEL_UM
BLOCK, SEARCH = np.array([8, 25, 25]), np.array([3, 6, 6])
FLOOR = np.array([0.3, 0.1, 0.1])


@pytest.fixture(scope="module")
def tissue():
    return grow_tissue(7, EXTENT)


def look(tissue, warp=None, seed=0):
    image = reduce_stack(image_tissue(tissue, SHAPE, VOXEL_UM, warp, seed=seed), 0.3, 10.0, 1.0, 1.0)
    return WorkingImage(highlight_structure(image, 0.25, 4.0), image.lattice)


def test_blocks_lie_inside_and_on_structure_richest_first():
    image = np.random.default_rng(0).normal(0, 1, (20, 80, 80)).astype(np.float32)
    image[10, 30:40, 30:40] += 50
    image[5, 60:65, 60:65] += 20
    corners = place_blocks(image, np.array([6, 16, 16]), 2.0, 100)
    assert ((corners >= 0) & (corners + np.array([6, 16, 16]) <= image.shape)).all()
    inside = (corners <= [10, 39, 39]) & (corners + np.array([6, 16, 16]) > [10, 30, 30])
    assert inside[0].all()
    assert 0 < len(corners) < 40


def test_no_more_blocks_than_wanted_and_none_in_noise():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (20, 80, 80)).astype(np.float32)
    assert len(place_blocks(image, np.array([6, 16, 16]), 2.0, 100)) == 0
    image[:, 20:60, ::7] += 30
    assert len(place_blocks(image, np.array([6, 16, 16]), 1.1, 5)) == 5


def test_an_image_smaller_than_a_block_has_none():
    assert place_blocks(np.zeros((4, 10, 10), np.float32), np.array([6, 8, 8]), 2.0, 10).shape == (0, 3)


def test_what_is_left_to_the_map_is_found_in_the_axes_of_the_reference(tissue):
    turn = rotation_about_z(30.0)
    start = Warp.from_affine(turn, EXTENT / 2 - turn @ (EXTENT / 2))
    left = np.array([1.0, -0.7, 0.5])
    true = Warp.from_affine(turn, start.offset_um + turn @ left)
    fixed, moving = look(tissue), look(tissue, true, seed=1)
    corners = place_blocks(fixed.voxels, BLOCK, 1.5, 200)
    found = match_through(fixed, moving, start.apply, np.zeros((24, 2)), corners, BLOCK, SEARCH, FLOOR)
    sure = found.score > 0.7
    assert sure.sum() > 20
    np.testing.assert_allclose(np.median(found.displacement_um[sure], axis=0), left, atol=0.06)


def test_known_slice_motion_is_taken_out(tissue):
    shift = np.random.default_rng(0).normal(0, 0.8, (24, 2))
    warp = Warp(np.eye(3), np.zeros(3), np.zeros((1, 1, 1, 3)), np.zeros(3), np.ones(3), shift, 1.0)
    fixed, moving = look(tissue), look(tissue, warp, seed=1)
    corners = place_blocks(fixed.voxels, BLOCK, 1.5, 200)
    known, unknown = (
        match_through(fixed, moving, lambda p: p, s, corners, BLOCK, SEARCH, FLOOR) for s in (shift, 0 * shift)
    )
    assert np.median(known.score) > np.median(unknown.score) + 0.1


def test_no_match_is_trusted_beyond_the_floor(tissue):
    fixed, moving = look(tissue), look(tissue, seed=1)
    corners = place_blocks(fixed.voxels, BLOCK, 1.5, 200)
    found = match_through(fixed, moving, lambda p: p, np.zeros((24, 2)), corners, BLOCK, SEARCH, FLOOR)
    most = found.information[:, [0, 1, 2], [0, 1, 2]].max(axis=0)
    assert (most <= 1.0001 / FLOOR**2).all()
    assert most[1] > 0.5 / FLOOR[1] ** 2
    assert np.linalg.eigvalsh(found.information).min() > -1e-6


def test_blocks_outside_the_other_image_are_not_counted(tissue):
    fixed = look(tissue)
    corners = place_blocks(fixed.voxels, BLOCK, 1.5, 200)
    away = match_through(
        fixed, fixed, lambda p: p + np.array([0, 0, 20.0]), np.zeros((24, 2)), corners, BLOCK, SEARCH, FLOOR
    )
    assert 0 < away.tried < len(corners)
