"""The rigid search: every shift and turn in reach, and no match where there is none."""

import numpy as np
import pytest

from respine.core.warp import Warp
from respine.structure.registration.rigid import align_rigidly, rotation_about_z
from respine.structure.registration.working_image import WorkingImage, bin_image, highlight_structure, reduce_stack
from tissue import grow_tissue, image_tissue

SHAPE, VOXEL_UM = (30, 120, 120), (1.0, 0.4, 0.4)
EXTENT = np.array(SHAPE) * VOXEL_UM
REACH, ANGLES = np.array([10.0, 20.0, 20.0]), np.arange(-6.0, 7.0)


def look(tissue, warp=None, scale=1.0, seed=0):
    stack = image_tissue(tissue, SHAPE, VOXEL_UM, warp, scale=scale, seed=seed)
    image = bin_image(reduce_stack(stack, 0.4, 10.0, 1.0, 1.0), (2, 3, 3))
    return WorkingImage(highlight_structure(image, 1.0, 6.0), image.lattice)


@pytest.fixture(scope="module")
def tissue():
    return grow_tissue(4, EXTENT)


@pytest.mark.parametrize(
    ("shift", "angle"), [((0, 0, 0), 0.0), ((8, 3, -2), 0.0), ((-4, -14, 14), 5.0), ((2, 5, 9), -5.0)]
)
def test_shift_and_rotation_are_found_in_a_dimmer_image(tissue, shift, angle):
    turn, middle = rotation_about_z(angle), EXTENT / 2
    warp = Warp.from_affine(turn, middle - turn @ middle + shift)
    found = align_rigidly(look(tissue), look(tissue, warp, scale=0.4, seed=1), REACH, ANGLES, 0.2)
    corners = EXTENT * np.array([[0.5, 0.5, 0.5], [0.2, 0.1, 0.9], [0.8, 0.9, 0.1]])
    np.testing.assert_allclose(corners @ found.matrix.T + found.offset_um, warp.apply(corners), atol=0.8)
    assert found.score > 0.4


def test_rotation_turns_x_towards_y():
    np.testing.assert_allclose(rotation_about_z(90.0) @ [0, 0, 1], [0, 1, 0], atol=1e-12)


def test_another_tissue_scores_low(tissue):
    found = align_rigidly(look(tissue), look(grow_tissue(99, EXTENT)), REACH, ANGLES, 0.3)
    assert found.score < 0.35


def test_the_overlap_demanded_is_kept(tissue):
    warp = Warp.from_affine(np.eye(3), [0.0, 18.0, 0.0])
    found = align_rigidly(look(tissue), look(tissue, warp), REACH, np.zeros(1), 0.9)
    assert np.prod(1 - np.abs(found.offset_um) / EXTENT) > 0.85
    assert found.score < 0.3
