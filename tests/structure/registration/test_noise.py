"""The noise of stacks whose noise is known."""

import numpy as np
import pytest

from respine.structure.registration.noise import estimate_noise
from tissue import grow_tissue, image_tissue

SHAPE, VOXEL_UM = (16, 160, 160), (1.0, 0.12, 0.12)


@pytest.mark.parametrize(("gain", "floor"), [(1.0, 2.0), (4.0, 3.0), (0.5, 1.0)])
def test_gain_and_floor_are_found(gain, floor):
    tissue = grow_tissue(0, np.array(SHAPE) * VOXEL_UM)
    stack = image_tissue(tissue, SHAPE, VOXEL_UM, gain=gain, floor=floor)
    found_gain, found_floor = estimate_noise(stack.voxels, np.inf)
    assert found_gain == pytest.approx(gain, rel=0.2)
    assert found_floor == pytest.approx(floor, rel=0.2)


def test_saturated_voxels_do_not_make_bright_places_quiet():
    tissue = grow_tissue(0, np.array(SHAPE) * VOXEL_UM)
    stack = image_tissue(tissue, SHAPE, VOXEL_UM, gain=4.0, floor=2.0, scale=2.0)
    clipped = np.minimum(stack.voxels, 150)
    assert estimate_noise(clipped, 150)[0] == pytest.approx(4.0, rel=0.3)
    assert estimate_noise(clipped, np.inf)[0] < estimate_noise(clipped, 150)[0]


def test_an_image_without_noise_has_a_small_positive_one():
    gain, floor = estimate_noise(np.full((4, 40, 40), 7.0), np.inf)
    assert 0 < gain < 0.01
    assert 0 < floor < 0.01


def test_an_image_too_small_to_tell_gets_unit_noise():
    assert estimate_noise(np.zeros((1, 9, 9)), np.inf) == (1.0, 1.0)
