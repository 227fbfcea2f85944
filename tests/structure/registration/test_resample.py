"""Sampling an image through a map: exact on what is linear, and honest about what is outside."""

import numpy as np
import pytest

from respine.structure.registration.resample import Lattice, resample

LATTICE = Lattice((6, 40, 50), np.array([0.0, 0.1, 0.2]), np.array([1.0, 0.2, 0.3]))


def ramp(lattice):
    """An image whose value is z + 10 y + 100 x of its place in um."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in lattice.shape], indexing="ij"), axis=-1)
    return (index * lattice.step_um + lattice.origin_um) @ np.array([1.0, 10.0, 100.0])


def test_lattice_indices_and_positions_are_inverse():
    points = np.random.default_rng(0).uniform(0, 5, (10, 3))
    np.testing.assert_allclose(LATTICE.to_um(LATTICE.to_index(points)), points)
    np.testing.assert_allclose(LATTICE.end_um, [5.0, 7.9, 14.9])


def test_the_identity_gives_the_image_back():
    image = np.random.default_rng(0).integers(0, 255, LATTICE.shape, dtype=np.uint8)
    np.testing.assert_allclose(resample(image, LATTICE, LATTICE, lambda p: p), image, atol=1e-6)


def test_a_linear_image_is_sampled_exactly_between_its_voxels():
    target = Lattice((3, 20, 21), np.array([0.3, 1.0, 2.0]), np.array([1.4, 0.13, 0.37]))

    def turn(points):
        return points @ np.array([[1.0, 0, 0], [0, 0.99, 0.05], [0.02, -0.05, 0.99]]).T + [0.1, 0.5, 0.2]

    sampled = resample(ramp(LATTICE), LATTICE, target, turn)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in target.shape], indexing="ij"), axis=-1).reshape(-1, 3)
    expected = turn(target.to_um(index)) @ np.array([1.0, 10.0, 100.0])
    np.testing.assert_allclose(sampled.ravel(), expected, rtol=1e-5)


def test_outside_the_image_is_missing_not_zero():
    sampled = resample(ramp(LATTICE), LATTICE, LATTICE, lambda p: p + np.array([0.0, 0.0, 3.0]))
    missing = np.isnan(sampled)
    assert missing[:, :, 40:].all()
    assert not missing[:, :, :40].any()


def test_slices_are_displaced_one_by_one():
    shift = np.zeros((6, 2))
    shift[2] = [0.4, -0.6]
    moved = resample(ramp(LATTICE), LATTICE, LATTICE, lambda p: p, shift)
    left = moved - ramp(LATTICE)
    np.testing.assert_allclose(left[2, :-2, 2:], 10 * 0.4 - 100 * 0.6, atol=1e-3)
    np.testing.assert_allclose(left[[0, 1, 3, 4, 5]], 0, atol=1e-3)


def test_the_last_known_displacement_holds_for_the_slices_beyond():
    moved = resample(ramp(LATTICE), LATTICE, LATTICE, lambda p: p, np.array([[0.0, 0.0], [0.0, -0.6]]))
    left = (moved - ramp(LATTICE))[:, :, 2:]
    np.testing.assert_allclose(left[0], 0, atol=1e-3)
    np.testing.assert_allclose(left[1:], -60, atol=1e-2)


def test_between_two_slices_each_keeps_its_own_displacement():
    shift = np.array([[0.0, 0.0], [0.0, 3.0]])
    lattice = Lattice((2, 9, 40), np.zeros(3), np.ones(3))
    image = np.zeros(lattice.shape)
    image[0, :, 10] = image[1, :, 13] = 8.0
    half = resample(image, lattice, Lattice((1, 9, 30), np.array([0.5, 0, 0]), np.ones(3)), lambda p: p, shift)
    assert half[0, 4, 10] == pytest.approx(8.0)
    assert np.nansum(half[0, 4]) == pytest.approx(8.0)


def test_a_single_slice_is_enough():
    lattice = Lattice((1, 9, 9), np.zeros(3), np.ones(3))
    image = np.arange(81.0).reshape(1, 9, 9)
    np.testing.assert_array_equal(resample(image, lattice, lattice, lambda p: p), image)


@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", "<i2", "f2", ">f4", "f8", "u4"])
def test_any_type_and_byte_order_is_sampled(dtype):
    image = np.random.default_rng(0).integers(0, 100, LATTICE.shape).astype(dtype)
    image.flags.writeable = False
    np.testing.assert_allclose(resample(image, LATTICE, LATTICE, lambda p: p), image.astype(float), atol=1e-4)
