"""Where cells lie, how they look, and what a new visit changes."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from respine.core.errors import InputError, SettingsError
from respine.simulate.function.field import FieldSettings, place_cells, revisit
from respine.simulate.function.footprints import Canvas, gather, soma_cover, soma_footprint, speck_footprint
from respine.simulate.function.neuropil import neuropil_level, neuropil_maps

SMALL = FieldSettings(height_um=200, width_um=150)


def test_cells_keep_their_distance_and_lie_inside():
    field = place_cells(60, SMALL, np.random.default_rng(0))
    assert field.n_cells == 60
    assert pdist(field.position_um[:, 1:]).min() >= 8
    assert (np.abs(field.position_um[:, 1:]) <= [94, 69]).all()
    assert np.abs(field.position_um[:, 0]).std() < 4


def test_overlapping_cells_exist():
    field = place_cells(60, SMALL, np.random.default_rng(0))
    assert pdist(field.position_um[:, 1:]).min() < 2 * field.radius_um.mean()


def test_too_many_cells_are_refused():
    with pytest.raises(InputError) as error:
        place_cells(50, FieldSettings(height_um=40, width_um=40), np.random.default_rng(0))
    found = str(error.value).rsplit("; ", 1)[1]
    assert str(error.value) == f"calcium field: 50 cells at least 8 um apart do not fit into 40 x 40 um; {found}"
    assert 5 < int(found.split()[0]) < 50


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(SettingsError) as error:
        FieldSettings(nucleus_depth=1.5, cells=3)
    assert str(error.value) == "nucleus_depth: found 1.5, expected less than or equal to 1; cells: unknown setting"


def test_a_visit_is_displaced_rotated_and_a_little_changed():
    settings = FieldSettings(cell_move_sd_um=0.0, cell_size_log_sd=0.0)
    field = place_cells(40, settings, np.random.default_rng(1))
    visit, pose = revisit(field, settings, np.random.default_rng(2))
    np.testing.assert_allclose(visit.position_um, pose.apply(field.position_um))
    np.testing.assert_allclose(visit.speck_um, pose.apply(field.speck_um))
    assert (visit.radius_um == field.radius_um).all()
    assert pdist(visit.position_um) == pytest.approx(pdist(field.position_um))
    assert np.abs(visit.position_um - field.position_um).max() > 1


def test_visits_move_cells_by_the_set_amount():
    settings = FieldSettings(visit_shift_sd_um=0, visit_rotation_sd_deg=0, visit_depth_sd_um=0, cell_move_sd_um=0.6)
    field = place_cells(80, settings, np.random.default_rng(1))
    moves = [
        revisit(field, settings, np.random.default_rng(seed))[0].position_um - field.position_um for seed in range(20)
    ]
    assert np.std(moves) == pytest.approx(0.6, rel=0.05)
    shifts = [revisit(field, FieldSettings(), np.random.default_rng(seed))[1].shift_um for seed in range(300)]
    np.testing.assert_allclose(np.std(shifts, axis=0), [1, 4, 4], rtol=0.15)


def test_haze_moves_with_the_tissue():
    settings = FieldSettings(height_um=120, width_um=120, visit_rotation_sd_deg=0.0, visit_depth_sd_um=0.0)
    field = place_cells(5, settings, np.random.default_rng(3))
    visit, pose = revisit(field, settings, np.random.default_rng(4))
    shift = np.round(pose.shift_um[1:]).astype(int)
    fine = Canvas((240, 240), 1.0)
    before, after = neuropil_level(field, fine), neuropil_level(visit, fine)
    moved = np.roll(before, shift, axis=(0, 1))[20:-20, 20:-20]
    still = np.corrcoef(before[20:-20, 20:-20].ravel(), after[20:-20, 20:-20].ravel())[0, 1]
    assert np.abs(shift).max() > 2
    assert np.corrcoef(moved.ravel(), after[20:-20, 20:-20].ravel())[0, 1] > max(0.97, still)


def test_neuropil_level_is_positive_with_mean_one_and_dark_vessels():
    field = place_cells(5, FieldSettings(vessels=2), np.random.default_rng(5))
    level = neuropil_level(field, Canvas((256, 256), 2.0))
    assert level.min() > 0
    assert level.mean() == pytest.approx(1)
    assert np.percentile(level, 2) < 0.5
    plain = neuropil_level(place_cells(5, FieldSettings(vessels=0), np.random.default_rng(5)), Canvas((256, 256), 2.0))
    assert np.percentile(plain, 2) > 0.5


def test_regions_of_the_neuropil_add_up_to_one():
    maps = neuropil_maps(Canvas((40, 60), 2.0))
    assert maps.shape == (10, 40, 60)
    np.testing.assert_allclose(maps[1:].sum(axis=0), maps[0])
    assert (maps[0] == 1).all()


def one_cell(**settings):
    how = FieldSettings(
        height_um=60, width_um=60, soma_radius_sd_um=0, outline_sd=0, depth_sd_um=0, specks_per_cell=3, **settings
    )
    field = place_cells(1, how, np.random.default_rng(6))
    canvas = Canvas((160, 160), 0.5)
    index, weight = soma_footprint(field, 0, canvas)
    image = np.zeros(160 * 160)
    image[index] = weight
    rows, columns = np.unravel_index(index, canvas.shape)
    y, x = canvas.axes_um()
    distance = np.hypot(y[rows] - field.position_um[0, 1], x[columns] - field.position_um[0, 2])
    return field, canvas, distance, weight


def test_a_soma_is_a_ring_of_the_right_size():
    _, _, distance, weight = one_cell(filled_fraction=0.0)
    assert weight[distance < 2].mean() == pytest.approx(0.25, abs=0.05)
    assert weight[(distance > 4.6) & (distance < 5.2)].mean() > 0.85
    assert weight[(distance > 5.9) & (distance < 6.1)].mean() == pytest.approx(0.5, abs=0.1)
    area = (weight[distance > 4.6] > 0.5).sum() * 0.25 + np.pi * 4.6**2
    assert area == pytest.approx(np.pi * 36, rel=0.05)


def test_a_filled_cell_has_no_dark_nucleus():
    _, _, distance, weight = one_cell(filled_fraction=1.0)
    assert weight[distance < 2].min() > 0.95


def test_sources_hold_the_pixels_of_each_footprint():
    field, canvas, _, weight = one_cell(filled_fraction=0.0)
    prints = [soma_footprint(field, 0, canvas), speck_footprint(field, 0, canvas)]
    sources = gather(prints, np.array([10.0, 2.0]))
    assert sources.first.tolist() == [0, len(weight), len(weight) + len(prints[1][0])]
    assert sources.value[: len(weight)] == pytest.approx(10 * weight)
    assert sources.value[len(weight) :].max() == pytest.approx(2, rel=0.1)
    cover = soma_cover(prints[:1], canvas)
    assert cover.max() == pytest.approx(weight.max())
    assert cover.shape == canvas.shape
