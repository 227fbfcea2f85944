"""Where a block is found: to a fraction of a voxel, in any brightness, and with what it does not know."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from respine.structure.registration.block_match import match_blocks

BLOCK, SEARCH = (7, 21, 21), (2, 5, 5)


@pytest.fixture(scope="module")
def texture():
    rng = np.random.default_rng(0)
    return gaussian_filter(rng.normal(0, 1, (21, 64, 64)), [1.5, 2, 2]).astype(np.float32) * 50


CORNERS = np.array([[5, 14, 14], [7, 20, 25], [6, 30, 12]])


def test_a_shift_by_whole_voxels_is_found_exactly(texture):
    found = match_blocks(texture, np.roll(texture, (1, -3, 4), (0, 1, 2)), CORNERS, BLOCK, SEARCH)
    np.testing.assert_allclose(found.offset, np.tile([1, -3, 4], (3, 1)), atol=0.1)
    np.testing.assert_allclose(found.score, 1, atol=1e-4)


def test_a_shift_by_part_of_a_voxel_is_found(texture):
    true = np.array([0.4, -1.7, 2.3])
    found = match_blocks(texture, shift(texture, true, mode="wrap"), CORNERS, BLOCK, SEARCH)
    np.testing.assert_allclose(found.offset, np.tile(true, (3, 1)), atol=0.1)


def test_brightness_and_offset_of_the_other_image_do_not_matter(texture):
    plain = match_blocks(texture, texture, CORNERS, BLOCK, SEARCH)
    other = match_blocks(texture, 0.3 * texture + 100, CORNERS, BLOCK, SEARCH)
    np.testing.assert_allclose(other.offset, plain.offset, atol=1e-3)
    np.testing.assert_allclose(other.score, plain.score, atol=1e-3)


def test_an_unrelated_image_scores_low(texture):
    rng = np.random.default_rng(9)
    other = gaussian_filter(rng.normal(0, 1, texture.shape), [1.5, 2, 2]).astype(np.float32)
    found = match_blocks(texture, other, CORNERS, BLOCK, SEARCH)
    assert np.nan_to_num(found.score, nan=0).max() < 0.6


def test_a_line_knows_its_place_across_but_not_along():
    y = np.arange(64)[:, None] - np.arange(64)[None, :]
    line = np.broadcast_to(np.exp(-0.5 * (y / 3.0) ** 2), (21, 64, 64)) + 0.0
    line *= np.exp(-0.5 * ((np.arange(21) - 10) / 3.0) ** 2)[:, None, None]
    rng = np.random.default_rng(0)
    fixed, moving = (np.float32(line + rng.normal(0, 0.02, line.shape)) for _ in range(2))
    found = match_blocks(fixed, moving, np.array([[7, 20, 20]]), BLOCK, SEARCH)
    across, along = np.array([0, 1, -1]) / np.sqrt(2), np.array([0, 1, 1]) / np.sqrt(2)
    assert along @ found.curvature[0] @ along < 0.1 * across @ found.curvature[0] @ across


def test_what_lies_beyond_the_search_is_no_match(texture):
    found = match_blocks(texture, np.roll(texture, 9, 2), CORNERS, BLOCK, SEARCH)
    true = np.abs(found.offset - [0, 0, 9]).max(axis=1) < 1
    assert not (np.isfinite(found.score) & true).any()
    ramp = np.broadcast_to(np.arange(64.0, dtype=np.float32) ** 2, (21, 64, 64))
    assert np.isnan(match_blocks(texture * 0 + ramp, -ramp, CORNERS, BLOCK, SEARCH).score).all()


def test_blocks_that_the_other_image_does_not_cover_are_not_matched(texture):
    moving = texture.copy()
    moving[:, :, 30:] = np.nan
    found = match_blocks(texture, moving, np.array([[5, 14, 4], [5, 14, 40]]), BLOCK, SEARCH)
    assert np.isfinite(found.score[0])
    assert np.isnan(found.score[1])


def test_the_search_may_leave_the_image(texture):
    found = match_blocks(texture, texture, np.array([[0, 0, 0], [14, 43, 43]]), BLOCK, SEARCH)
    np.testing.assert_allclose(found.offset, 0, atol=0.2)


def test_the_middle_is_that_of_the_structure_in_the_block():
    image = np.zeros((21, 64, 64), np.float32)
    image[8, 30, 40] = 100.0
    image = gaussian_filter(image, 1.0)
    found = match_blocks(image, image, np.array([[5, 14, 22]]), BLOCK, SEARCH)
    np.testing.assert_allclose(found.centre, [[8, 30, 40]], atol=0.2)


def test_planes_are_matched_without_a_search_in_depth(texture):
    found = match_blocks(texture, np.roll(texture, 2, 1), np.array([[3, 20, 20]]), (1, 21, 21), (0, 5, 5))
    np.testing.assert_allclose(found.offset, [[0, 2, 0]], atol=0.1)
    assert (found.curvature[0, 0] == 0).all()


def test_no_blocks_give_no_matches(texture):
    found = match_blocks(texture, texture, np.zeros((0, 3), int), BLOCK, SEARCH)
    assert found.offset.shape == (0, 3)
    assert found.curvature.shape == (0, 3, 3)
