"""A field through blocks: smooth, going on straight, deaf to blocks that are wrong or do not know."""

import numpy as np
import pytest

from respine.structure.registration.smooth_field import fit_smooth_field

EXTENT, NODE = np.array([40.0, 60.0, 60.0]), np.full(3, 12.0)


def wave(points):
    return np.column_stack([np.sin(points[:, 2] / 15), np.cos(points[:, 1] / 18), np.sin(points[:, 0] / 20)])


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform([0, 0, 0], EXTENT, (500, 3))


def know(points, sd_um=0.1):
    return np.tile(np.eye(3) / sd_um**2, (len(points), 1, 1))


def test_a_smooth_field_is_recovered_between_its_blocks(points):
    rng = np.random.default_rng(1)
    found = wave(points) + rng.normal(0, 0.1, points.shape)
    field, weight = fit_smooth_field(points, found, know(points), EXTENT, NODE, 0.3)
    inside = rng.uniform([2, 2, 2], EXTENT - 2, (200, 3))
    assert np.median(np.abs(field.at(inside) - wave(inside))) < 0.05
    assert np.median(weight) > 0.4


def test_wrong_blocks_lose_their_weight_and_their_say(points):
    found = wave(points)
    found[::5] += np.random.default_rng(2).uniform(2, 4, (100, 3))
    field, weight = fit_smooth_field(points, found, know(points), EXTENT, NODE, 0.3)
    right = np.arange(500) % 5 != 0
    assert weight[~right].max() < 0.1
    assert np.median(weight[right]) > 0.7
    assert np.median(np.abs(field.at(points[right]) - wave(points[right]))) < 0.1


def test_an_affine_displacement_goes_on_beyond_the_blocks(points):
    slope = np.array([[0.0, 0.01, 0.0], [0.02, 0.0, -0.02], [0.0, 0.01, 0.03]])
    half = points[points[:, 2] < 40]
    field, _ = fit_smooth_field(half, half @ slope.T, know(half), EXTENT, NODE, 0.3)
    beyond = points[points[:, 2] > 50]
    np.testing.assert_allclose(field.at(beyond), beyond @ slope.T, atol=0.15)


def test_blocks_that_know_nothing_in_a_direction_have_no_say_there(points):
    found = np.zeros_like(points)
    found[:, 2] = 3.0
    found[::10, 2] = 0.5
    information = know(points)
    information[:, 2, 2] = 0.0
    information[::10, 2, 2] = 100.0
    field, _ = fit_smooth_field(points, found, information, EXTENT, NODE, 0.3)
    np.testing.assert_allclose(field.at(points)[:, 2], 0.5, atol=0.1)


def test_a_stiffer_field_bends_less(points):
    rough = np.random.default_rng(3).normal(0, 0.5, points.shape)
    bends = []
    for bending in (0.01, 100.0):
        field, _ = fit_smooth_field(points, rough, know(points, 0.5), EXTENT, NODE, bending)
        bends.append(np.abs(np.diff(field.nodes_um, 2, axis=2)).mean())
    assert bends[1] < 0.2 * bends[0]


def test_a_field_without_blocks_is_zero():
    field, weight = fit_smooth_field(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3, 3)), EXTENT, NODE, 0.3)
    np.testing.assert_array_equal(field.at(np.array([[1.0, 2.0, 3.0]])), 0)
    assert weight.shape == (0,)
