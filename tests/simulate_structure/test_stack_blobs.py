"""Tubes as blobs: volume, cross section, and the two ways of drawing one tube."""

import numpy as np
import pytest

from respine.simulate.structure.blobs import FAR, NEAR, SMALL, fill_tube, join_blobs, small_blobs

LENGTH = 20.0


def tube(radius, concentration=1.0):
    along = np.arange(0, LENGTH + 0.1, 0.5)
    points = np.stack([np.zeros_like(along), np.zeros_like(along), along], axis=1)
    return fill_tube(points, np.full(len(along), radius), np.full(len(along), concentration))


@pytest.mark.parametrize("radius", [0.1, 0.27, 0.3, 0.59, 0.7, 1.2])
@pytest.mark.parametrize("role", [NEAR, FAR])
def test_the_mass_of_a_tube_is_its_volume(radius, role):
    blobs = tube(radius, 1.7)
    assert blobs.mass[blobs.role == role].sum() == pytest.approx(1.7 * np.pi * radius**2 * LENGTH, rel=1e-6)


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.9])
def test_the_cross_section_has_the_variance_of_a_disc(radius):
    blobs = tube(radius)
    near = blobs.role == NEAR
    y = blobs.points_um[near, 1]
    assert y.mean() == pytest.approx(0.0, abs=1e-9)
    spread = blobs.spread_um[near] ** 2
    in_depth = blobs.points_um[near, 0]
    both = (y**2).mean() + (in_depth**2).mean() + 2 * spread.mean()
    assert both == pytest.approx(2 * radius**2 / 4, rel=1e-6)
    assert np.hypot(y, in_depth).max() <= radius


def test_a_tube_of_changing_radius_keeps_its_volume_over_the_changes_of_filling():
    along = np.arange(0, LENGTH + 0.1, 0.5)
    points = np.stack([np.zeros_like(along), np.zeros_like(along), along], axis=1)
    radius = np.linspace(0.1, 1.0, len(along))
    blobs = fill_tube(points, radius, np.ones(len(along)))
    volume = np.pi * LENGTH / 3 * (0.1**2 + 0.1 * 1.0 + 1.0**2)
    for role in (NEAR, FAR):
        assert blobs.mass[blobs.role == role].sum() == pytest.approx(volume, rel=0.002)


def test_joining_keeps_order_and_roles_and_takes_nothing():
    one = small_blobs(np.zeros((2, 3)), 0.5, 0.1)
    both = join_blobs([one, tube(0.2)])
    assert len(both) == 2 + len(tube(0.2))
    assert (both.role[:2] == SMALL).all()
    assert both.mass[:2].tolist() == [0.5, 0.5]
    assert len(join_blobs([])) == 0
