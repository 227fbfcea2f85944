import numpy as np
import pytest

from monte_carlo import assert_mean, assert_share
from respine.simulate.settings_structure import SPINE_CLASSES, SizeSettings
from respine.simulate.sizes import (
    class_log_diameters,
    draw_classes,
    draw_persistent,
    draw_protrusions_um,
    log_diameter_moments,
    log_diameters,
)

HOW = SizeSettings()
LONG_AGO_H = -1e6


def drawn(count=60_000, time_h=(0.0, 48.0, 480.0), seed=1, birth_h=LONG_AGO_H):
    rng = np.random.default_rng(seed)
    spine_class = draw_classes(count, HOW, rng)
    z = draw_persistent(count, np.array(time_h), HOW.persistence_days, rng)
    return spine_class, log_diameters(spine_class, np.full(count, birth_h), z, np.array(time_h), HOW)


def test_classes_have_their_shares():
    spine_class, _ = drawn()
    for index, share in enumerate(HOW.class_fractions):
        assert_share((spine_class == index).sum(), len(spine_class), share)
    assert len(SPINE_CLASSES) == len(HOW.class_fractions)


def test_mean_diameter_and_class_ratios_are_the_parameters():
    spine_class, size = drawn()
    diameter = np.exp(size[0])
    assert_mean(diameter, 0.43)
    mean = np.array([diameter[spine_class == index].mean() for index in range(4)])
    assert mean / mean[1] == pytest.approx(np.array(HOW.class_diameter_ratios), rel=0.01)


def test_spread_is_the_parameter_and_matches_the_moments():
    spine_class, size = drawn()
    for index in range(4):
        assert size[0][spine_class == index].std() == pytest.approx(0.12, rel=0.05)
    centre, spread = log_diameter_moments(HOW)
    assert size[0].mean() == pytest.approx(centre, abs=0.003)
    assert size[0].std() == pytest.approx(spread, rel=0.02)


def test_published_spread_and_retest_correlation_are_met():
    """Log SD 0.215 and r = 0.33 over two days, measurement error included."""
    _, size = drawn()
    rng = np.random.default_rng(2)
    measured = size + 0.15 * rng.standard_normal(size.shape)
    assert measured[0].std() == pytest.approx(0.215, abs=0.01)
    assert np.corrcoef(measured[0], measured[1])[0, 1] == pytest.approx(0.33, abs=0.04)


def test_fluctuation_is_forgotten_exponentially():
    rng = np.random.default_rng(3)
    z = draw_persistent(100_000, np.array([0.0, 72.0, 144.0]), 3.0, rng)
    assert z.std(axis=1) == pytest.approx(np.ones(3), abs=0.01)
    assert np.corrcoef(z[0], z[1])[0, 1] == pytest.approx(np.exp(-1), abs=0.01)
    assert np.corrcoef(z[0], z[2])[0, 1] == pytest.approx(np.exp(-2), abs=0.01)


def test_new_spines_are_smaller_and_mature():
    _, old = drawn()
    _, new = drawn(birth_h=0.0, time_h=(0.0, 96.0, 960.0))
    assert np.exp(new - old).mean(axis=1)[0] == pytest.approx(0.86, rel=0.01)
    ratio = np.exp((new - old).mean(axis=1))
    assert ratio[1] == pytest.approx(0.86 ** np.exp(-1), rel=0.01)
    assert ratio[2] == pytest.approx(1.0, rel=0.01)


def test_protrusions_have_the_means_of_their_classes():
    spine_class, _ = drawn()
    length = draw_protrusions_um(spine_class, np.array([0.0, 48.0]), HOW, np.random.default_rng(4))
    for index, mean in enumerate(HOW.class_protrusions_um):
        assert_mean(length[0][spine_class == index], mean)
    assert_mean(length[0], 1.39)
    ratio = np.log(length[1] / length[0])
    expected = 0.06 * np.sqrt(2 * (1 - np.exp(-2 / 3)))
    assert ratio.std() == pytest.approx(expected, rel=0.02)
    thin = np.log(length[0][spine_class == 0])
    assert thin.std() == pytest.approx(np.hypot(0.25, 0.06), rel=0.02)


def test_class_means_do_not_depend_on_the_order_of_shares():
    assert class_log_diameters(HOW) == pytest.approx(
        np.log(0.43 * np.array([0.97, 1.0, 1.15, 0.80]) / (0.55 * 0.97 + 0.15 + 0.25 * 1.15 + 0.05 * 0.8)) - 0.0072
    )
