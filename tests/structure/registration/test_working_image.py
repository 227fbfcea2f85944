"""The reduced image: noise of one size at every brightness, and everything where it was."""

import numpy as np
import pytest

from respine.core.stack import Stack
from respine.structure.registration.resample import Lattice
from respine.structure.registration.working_image import WorkingImage, bin_image, highlight_structure, reduce_stack


def centre_um(image):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.voxels.shape], indexing="ij"), axis=-1)
    places = image.lattice.to_um(index.reshape(-1, 3))
    return image.voxels.ravel() @ places / image.voxels.sum()


@pytest.fixture
def spot():
    voxels = np.zeros((9, 64, 60), np.float32)
    voxels[4, 30:34, 21:25] = 100.0
    return Stack(voxels, (1.0, 0.1, 0.12))


def test_reducing_keeps_a_spot_in_its_place(spot):
    image = reduce_stack(spot, 0.24, 0.0, 1.0, 1.0)
    assert image.voxels.shape == (9, 32, 30)
    np.testing.assert_allclose(image.lattice.step_um, [1.0, 0.2, 0.24])
    np.testing.assert_allclose(centre_um(image), [4.0, 3.15, 22.5 * 0.12], atol=1e-4)


def test_binning_keeps_a_spot_in_its_place(spot):
    image = bin_image(reduce_stack(spot, 0.1, 0.0, 1.0, 1.0), (2, 4, 4))
    assert image.voxels.shape == (4, 16, 15)
    np.testing.assert_allclose(centre_um(image)[1:], [3.15, 22.5 * 0.12], atol=1e-4)


def test_a_stack_is_never_made_finer(spot):
    assert reduce_stack(spot, 0.01, 0.0, 1.0, 1.0).voxels.shape == spot.shape


@pytest.mark.parametrize("gain", [0.5, 4.0])
def test_noise_is_of_size_one_at_every_brightness(gain):
    rng = np.random.default_rng(0)
    for level in (20.0, 200.0, 2000.0):
        voxels = rng.poisson(level / gain, (2, 100, 100)) * gain + rng.normal(0, 3.0, (2, 100, 100)) + 50
        image = reduce_stack(Stack(voxels, (1.0, 0.2, 0.2)), 0.2, 50.0, gain, 3.0)
        assert image.voxels.std() == pytest.approx(1.0, rel=0.1)


def test_noise_below_the_background_is_kept_symmetric():
    voxels = np.random.default_rng(0).normal(50, 3.0, (2, 100, 100))
    image = reduce_stack(Stack(voxels, (1.0, 0.2, 0.2)), 0.2, 50.0, 1.0, 3.0)
    assert abs(image.voxels.mean()) < 0.1


def test_thin_structure_stays_and_haze_goes():
    plane = np.zeros((200, 200), np.float32) + 7.0
    plane += np.linspace(0, 30, 200, dtype=np.float32)
    plane[100, :] += 50
    lattice = Lattice((1, 200, 200), np.zeros(3), np.array([1.0, 0.2, 0.2]))
    lit = highlight_structure(WorkingImage(plane[None], lattice), 0.2, 3.0)[0]
    assert lit[100, 60:140].min() > 15
    assert np.abs(lit[60:90, 60:140]).max() < 3
