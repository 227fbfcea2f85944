"""The smooth part of a registration from matches whose truth is known."""

import numpy as np
import pytest

from respine.structure.registration.nonrigid import Matches
from respine.structure.registration.rigid import rotation_about_z
from respine.structure.registration.smooth_field import SmoothField
from respine.structure.registration.tissue_map import FieldGrid, TissueMap, fit_tissue_map, held_out_residual

EXTENT = np.array([40.0, 60.0, 60.0])
GRID = FieldGrid(EXTENT, np.full(3, 12.0), 0.3)
START = TissueMap.from_rigid(rotation_about_z(2.0), np.array([1.0, -2.0, 3.0]))


def bend(points):
    return np.column_stack([0.4 * np.sin(points[:, 1] / 12), np.cos(points[:, 2] / 14), np.sin(points[:, 0] / 16)])


def truth(points):
    return points @ rotation_about_z(3.0).T + [1.5, -3.0, 4.0] + bend(points)


def match(count=600, noise_um=0.0, seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (count, 3)) * EXTENT
    # A displacement is found in the reference frame's axes.
    displacement = (truth(points) - START(points)) @ START.matrix + rng.normal(0, noise_um, points.shape)
    information = np.tile(np.eye(3) / max(noise_um, 0.1) ** 2, (count, 1, 1))
    return Matches(points, displacement, information, np.full(count, 0.9), count)


def test_affine_and_bending_are_found_together():
    found, weight = fit_tissue_map(match(noise_um=0.1), START, GRID)
    points = np.random.default_rng(9).uniform(0.1, 0.9, (100, 3)) * EXTENT
    assert np.median(np.abs(found(points) - truth(points))) < 0.06
    assert np.median(weight) > 0.4


def test_the_affine_part_takes_what_is_affine():
    matches = match()
    found, _ = fit_tissue_map(matches, START, GRID)
    bent = found.field.at(matches.points_um)
    design = np.column_stack([np.ones(len(bent)), matches.points_um])
    affine = design @ np.linalg.lstsq(design, bent, rcond=None)[0]
    assert np.abs(affine).max() < 0.15
    assert np.abs(bent).max() > 0.5


def test_wrong_matches_lose_their_weight():
    matches = match()
    matches.displacement_um[:60] += [0.0, 3.0, -2.0]
    found, weight = fit_tissue_map(matches, START, GRID)
    assert weight[:60].max() < 0.1
    assert np.median(np.abs(found(matches.points_um) - truth(matches.points_um))) < 0.05


def test_few_matches_hold_the_rotation_that_was_known():
    matches = match(5, noise_um=0.5)
    found, _ = fit_tissue_map(matches, START, GRID)
    assert found.rotation_deg == pytest.approx(2.0, abs=3.0)


def test_the_residual_grows_with_the_error_of_the_matches():
    residuals = []
    for noise in (0.02, 0.3):
        matches = match(noise_um=noise)
        after, weight = fit_tissue_map(matches, START, GRID)
        residuals.append(held_out_residual(matches, START, after, weight, weight > 0.25, GRID))
    assert residuals[0][0] < 0.1
    # The median distance of two normal errors of 0.3 is 0.35, of one 0.20.
    assert residuals[1][0] == pytest.approx(0.35, abs=0.06)
    assert residuals[1][1] == pytest.approx(0.20, abs=0.05)


def test_the_residual_is_missing_where_nothing_was_matched():
    matches = match()
    after, weight = fit_tissue_map(matches, START, GRID)
    residual = held_out_residual(matches, START, after, weight, np.zeros(600, bool), GRID)
    assert np.isnan(residual).all()


def test_blocks_that_do_not_know_their_place_do_not_make_the_residual():
    matches = match(noise_um=0.02)
    matches.displacement_um[::2, 2] += np.random.default_rng(1).normal(0, 2.0, 300)
    matches.information[::2, 2, 2] = 0.0
    matches.information[::2, 1, 2] = matches.information[::2, 2, 1] = 0.0
    after, weight = fit_tissue_map(matches, START, GRID)
    assert held_out_residual(matches, START, after, weight, weight > 0.25, GRID)[0] < 0.1


@pytest.mark.parametrize("angle", [-5.0, 0.0, 0.3, 8.0])
def test_rotation_is_read_from_the_matrix(angle):
    assert TissueMap.from_rigid(1.02 * rotation_about_z(angle), np.zeros(3)).rotation_deg == pytest.approx(angle)


def test_a_map_is_affine_then_field():
    field = SmoothField(np.full((1, 1, 1, 3), 0.5), np.zeros(3), np.ones(3))
    found = TissueMap(2 * np.eye(3), np.array([1.0, 0.0, 0.0]), field)(np.array([[1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(found, [[3.5, 4.5, 6.5]])
