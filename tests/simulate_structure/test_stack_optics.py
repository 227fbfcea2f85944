"""The point-spread function and the scale of brightness against their closed forms."""

import numpy as np
import pytest
from pydantic import ValidationError

from respine.simulate.structure.blobs import fill_tube, join_blobs, small_blobs
from respine.simulate.structure.optics import FWHM_PER_SIGMA, OPTICS_PRESETS, OpticsSettings, sample_optics
from respine.simulate.structure.splat import shear_rows, splat_slice

FAR_AWAY = 50.0


def image_of(blobs, optics, z_um, shape=(121, 121), pixel_um=0.05):
    image = np.zeros(shape, np.float32)
    count = len(blobs.mass)
    splat_slice(
        image,
        np.ascontiguousarray(blobs.points_um),
        blobs.mass,
        blobs.spread_um,
        np.zeros(count),
        np.full(count, FAR_AWAY),
        z_um,
        (pixel_um, pixel_um),
        (0.0, 0.0),
        optics.sigma_um,
        optics.rayleigh_um,
    )
    return image


def point(mass=1.0):
    return small_blobs(np.array([[0.0, 3.0, 3.0]]), mass, 0.0)


def line(radius=1e-4):
    along = np.arange(-6, 12, 0.5)
    points = np.stack([np.zeros_like(along), np.full_like(along, 3.0), along], axis=1)
    tube = fill_tube(points, np.full(len(along), radius), np.ones(len(along)))
    near = tube.role == 1
    return type(tube)(tube.points_um[near], tube.mass[near], tube.spread_um[near], tube.role[near])


def full_width(profile, step):
    half = profile.max() / 2
    over = np.flatnonzero(profile >= half)
    first, last = over[0], over[-1]
    left = first - (profile[first] - half) / (profile[first] - profile[first - 1])
    right = last + (profile[last] - half) / (profile[last] - profile[last + 1])
    return (right - left) * step


@pytest.mark.parametrize("preset", sorted(OPTICS_PRESETS))
def test_a_point_has_the_lateral_and_axial_width_of_the_settings(preset):
    optics = OPTICS_PRESETS[preset]
    lateral = image_of(point(), optics, 0.0)[60]
    assert full_width(lateral, 0.05) == pytest.approx(optics.fwhm_lateral_um, rel=0.01)
    depth = np.array([image_of(point(), optics, z)[60, 60] for z in np.arange(-8, 8.01, 0.1)])
    assert full_width(depth, 0.1) == pytest.approx(optics.fwhm_axial_um, rel=0.01)


@pytest.mark.parametrize("preset", sorted(OPTICS_PRESETS))
def test_a_thin_line_in_focus_is_as_wide_as_a_point_and_longer_in_depth(preset):
    optics = OPTICS_PRESETS[preset]
    assert full_width(image_of(line(), optics, 0.0)[:, 60], 0.05) == pytest.approx(optics.fwhm_lateral_um, rel=0.01)
    depth = np.array([image_of(line(), optics, z)[60, 60] for z in np.arange(-8, 8.01, 0.1)])
    # Summed along the line, the peak falls as w^-3 instead of w^-4.
    expected = 2 * optics.rayleigh_um * np.sqrt(2 ** (2 / 3) - 1)
    assert full_width(depth, 0.1) == pytest.approx(expected, rel=0.01)


def test_the_beam_widens_with_defocus_as_a_gaussian_beam_does():
    optics = OpticsSettings()
    for z in (1.0, 2.0, 4.0):
        wide = full_width(image_of(point(), optics, z)[60], 0.05)
        assert wide == pytest.approx(optics.fwhm_lateral_um * np.hypot(1, z / optics.rayleigh_um), rel=0.02)


def test_a_blob_with_a_width_of_its_own_is_wider_by_it_and_no_brighter_in_sum():
    optics = OpticsSettings()
    ball = small_blobs(np.array([[0.0, 3.0, 3.0]]), 1.0, 0.3)
    sigma = np.hypot(optics.sigma_um, 0.3)
    assert full_width(image_of(ball, optics, 0.0)[60], 0.05) == pytest.approx(sigma * FWHM_PER_SIGMA, rel=0.01)
    assert image_of(ball, optics, 0.0).sum() == pytest.approx(image_of(point(), optics, 0.0).sum(), rel=0.01)


def test_light_of_a_point_in_focus_is_its_mass_times_the_area_of_the_spot():
    optics = OpticsSettings()
    total = image_of(point(0.3), optics, 0.0).sum() * 0.05**2
    assert total == pytest.approx(0.3 * 2 * np.pi * optics.sigma_um**2, rel=0.005)


@pytest.mark.parametrize("preset", sorted(OPTICS_PRESETS))
def test_the_reference_shaft_peaks_at_one(preset):
    optics = OPTICS_PRESETS[preset]
    peak = image_of(line(0.4), optics, 0.0)[50:71, 60].max() * optics.mass_to_signal
    assert peak == pytest.approx(1.0, abs=0.08)
    assert optics.grey_peak == pytest.approx(optics.photons_peak * optics.gain)


def test_a_blob_beyond_its_range_is_not_drawn():
    optics = OpticsSettings()
    image = np.zeros((20, 20), np.float32)
    for z, lit in ((0.9, False), (1.1, True), (3.1, False)):
        image[:] = 0
        near, far = np.array([1.0]), np.array([3.0])
        spot = np.array([[0.0, 1.0, 1.0]])
        splat_slice(image, spot, np.ones(1), np.zeros(1), near, far, z, (0.1, 0.1), (0.0, 0.0), 0.2, optics.rayleigh_um)
        assert bool(image.any()) is lit


def test_nothing_to_draw_leaves_the_image_empty():
    assert not image_of(join_blobs([]), OpticsSettings(), 0.0).any()


def test_rows_move_by_whole_pixels_exactly_and_by_parts_smoothly():
    x = np.arange(80, dtype=np.float32)
    image = np.exp(-((x - 40) ** 2) / 30).astype(np.float32)[None].repeat(3, axis=0)
    moved = shear_rows(image, np.array([0.0, 3.0, -1.5]))
    np.testing.assert_array_equal(moved[0], image[0])
    np.testing.assert_allclose(moved[1, 5:75], image[1, 2:72], atol=1e-6)
    np.testing.assert_allclose(moved[2, 10:70], np.exp(-((x[10:70] + 1.5 - 40) ** 2) / 30), atol=2e-3)


def test_drawn_microscopes_differ_stay_possible_and_keep_the_sampling():
    base = OpticsSettings(voxel_um=(0.8, 0.1, 0.15), bits=16)
    drawn = [sample_optics(np.random.default_rng(seed), base) for seed in range(200)]
    for optics in drawn:
        OpticsSettings.model_validate(optics.model_dump())
        assert (optics.voxel_um, optics.bits) == (base.voxel_um, 16)
    lateral = np.array([o.fwhm_lateral_um for o in drawn])
    photons = np.array([o.photons_peak for o in drawn])
    assert lateral.min() < 0.42
    assert lateral.max() > 0.8
    assert photons.max() / photons.min() > 5
    assert sample_optics(np.random.default_rng(3)) == sample_optics(np.random.default_rng(3))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"voxel_um": (1.0, 0.0, 0.1)},
            "voxel_um must be three positive numbers (z, y, x) in um; found (1.0, 0.0, 0.1)",
        ),
        ({"smear": (0.7, 0.3)}, "smear must be two shares >= 0 with a sum below 1; found (0.7, 0.3)"),
    ],
)
def test_an_impossible_microscope_is_refused_by_name(wrong, message):
    with pytest.raises(ValidationError) as caught:
        OpticsSettings(**wrong)
    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"
