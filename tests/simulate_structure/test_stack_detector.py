"""The noise of the detector against its closed form."""

import numpy as np
import pytest

from respine.simulate.structure.detector import expose_slice
from respine.simulate.structure.optics import OpticsSettings

SIDE = 400


def expose(level, seed=0, **settings):
    optics = OpticsSettings(bits=16, offset=100.0, **settings)
    mean = np.full((SIDE, SIDE), level, np.float32)
    return expose_slice(mean, optics, np.random.default_rng(seed)).astype(float) - 100.0


@pytest.mark.parametrize("level", [3.0, 20.0, 200.0, 2000.0])
@pytest.mark.parametrize(("gain", "spread"), [(9.0, 1.0), (2.0, 0.3), (5.0, 0.0)])
def test_mean_is_the_signal_and_variance_is_gain_times_it_plus_read_noise(level, gain, spread):
    image = expose(level, gain=gain, pulse_spread=spread, read_noise=1.5)
    expected = gain * level + 1.5**2 + 1 / 12
    assert image.mean() == pytest.approx(level, abs=6 * np.sqrt(expected * 2) / SIDE)
    assert image.var() == pytest.approx(expected, rel=0.05)


def test_neighbours_in_a_row_are_correlated_as_the_smear_says_and_rows_are_not():
    image = expose(50.0, read_noise=0.0, smear=(0.45, 0.07))
    kernel = np.array([0.45, 0.48, 0.07])
    rest = image - image.mean()
    one = (kernel[:-1] * kernel[1:]).sum() / (kernel**2).sum()
    two = kernel[0] * kernel[2] / (kernel**2).sum()
    assert (rest[:, 1:] * rest[:, :-1]).mean() / rest.var() == pytest.approx(one, abs=0.02)
    assert (rest[:, 2:] * rest[:, :-2]).mean() / rest.var() == pytest.approx(two, abs=0.02)
    assert (rest[1:] * rest[:-1]).mean() / rest.var() == pytest.approx(0.0, abs=0.02)


def test_one_grey_level_a_photon_without_spread_is_a_poisson_count():
    image = expose(2.0, gain=1.0, pulse_spread=0.0, read_noise=0.0, smear=(0.0, 0.0))
    share = np.bincount(image.astype(int).ravel(), minlength=6)[:6] / image.size
    poisson = np.exp(-2.0) * np.array([1, 2, 2, 4 / 3, 2 / 3, 4 / 15])
    np.testing.assert_allclose(share, poisson, atol=0.005)


def test_bright_and_dim_counts_meet_where_the_sampler_changes():
    for level in (11.5, 12.5):
        image = expose(level, gain=1.0, pulse_spread=0.0, read_noise=0.0, smear=(0.0, 0.0))
        assert image.mean() == pytest.approx(level, rel=0.01)
        assert image.var() == pytest.approx(level, rel=0.03)


@pytest.mark.parametrize(("bits", "top", "kind"), [(8, 255, np.uint8), (16, 65535, np.uint16)])
def test_the_digitiser_clips_at_its_ends(bits, top, kind):
    optics = OpticsSettings(bits=bits, offset=-20.0)
    bright = expose_slice(np.full((4, 4), 1e6, np.float32), optics, np.random.default_rng(0))
    dark = expose_slice(np.zeros((4, 4), np.float32), optics, np.random.default_rng(0))
    assert bright.dtype == dark.dtype == kind
    assert (bright == top).all()
    assert (dark == 0).all()


def test_the_same_generator_gives_the_same_bytes():
    np.testing.assert_array_equal(expose(5.0, seed=4), expose(5.0, seed=4))
    assert (expose(5.0, seed=4) != expose(5.0, seed=5)).any()
