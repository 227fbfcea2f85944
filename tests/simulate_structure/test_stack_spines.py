"""Spines: their place, their volume, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError
from respine.simulate.structure.anatomy import make_anatomy
from respine.simulate.structure.settings import SceneSettings
from respine.simulate.structure.spines import SPINE_CLASSES, draw_spines, place_spines

FIELD = np.array([40.0, 60.0, 60.0])


@pytest.fixture
def placed(tables):
    dendrites, spines, states = tables
    anatomy = make_anatomy(dendrites, spines, FIELD, SceneSettings(), np.random.default_rng(0))
    mine = states[states["session"] == "before"].reset_index(drop=True)
    return anatomy, mine, place_spines(anatomy, mine)


def points(table, prefix):
    return table[[f"{prefix}_{axis}_um" for axis in "zyx"]].to_numpy(float)


def test_the_tip_is_the_protrusion_from_the_base_and_the_head_half_a_diameter_before(placed):
    _, mine, table = placed
    reach = np.linalg.norm(points(table, "tip") - points(table, "base"), axis=1)
    np.testing.assert_allclose(reach, mine["protrusion_um"])
    back = np.linalg.norm(points(table, "tip") - points(table, "head"), axis=1)
    headed = table["spine_class"] != "filopodium"
    np.testing.assert_allclose(back[headed & (table["protrusion_um"] > 1)], 0.25)
    assert list(table["spine"]) == list(mine["spine"])


@pytest.mark.parametrize("kind", SPINE_CLASSES)
def test_each_class_has_the_volume_of_its_shape(placed, kind):
    _, _, table = placed
    one = table[table["spine_class"] == kind].iloc[:1].assign(present=True, neck_radius_um=0.1)
    mass = draw_spines(one, np.array([2.0])).mass.sum() / 2.0
    reach, radius = float(one["protrusion_um"].iloc[0]), 0.25
    ball = 4 / 3 * np.pi * radius**3
    neck = reach - 1.5 * radius + 0.1
    expected = {
        "thin": ball + np.pi * 0.1**2 * neck,
        "mushroom": ball + np.pi * 0.13**2 * neck,
        "stubby": np.pi * radius**2 * (reach + 0.2) * (0.9**2 + 0.9 * 0.7 + 0.7**2) / 3,
        "filopodium": np.pi * 0.12**2 * (reach + 0.1) * (1 + 0.8 + 0.64) / 3,
    }[kind]
    assert mass == pytest.approx(expected, rel=0.01)


def test_the_light_of_a_headed_spine_is_centred_on_its_head(placed):
    _, _, table = placed
    for row in table[table["spine_class"].isin(["thin", "mushroom"])].index:
        one = table.loc[[row]].assign(present=True, neck_radius_um=1e-3)
        blobs = draw_spines(one, np.ones(1))
        middle = (blobs.points_um * blobs.mass[:, None]).sum(axis=0) / blobs.mass.sum()
        np.testing.assert_allclose(middle, points(one, "head")[0], atol=0.01)


def test_an_absent_spine_gives_no_light(placed):
    _, _, table = placed
    assert not table.loc[5, "present"]
    assert len(draw_spines(table.loc[[5]], np.ones(1))) == 0


def test_a_filopodium_is_thin_all_along(placed):
    _, _, table = placed
    blobs = draw_spines(table[table["spine_class"] == "filopodium"], np.ones(1))
    assert blobs.spread_um.max() <= 0.061


def test_an_unknown_spine_is_refused(placed):
    anatomy, mine, _ = placed
    with pytest.raises(InputError, match=r"^states: spine ghost is not among the spines of this field of view$"):
        place_spines(anatomy, mine.assign(spine=["ghost", *mine["spine"][1:]]))


def test_an_unknown_class_is_refused(tables):
    dendrites, spines, states = tables
    spines.loc[2, "spine_class"] = "fat"
    anatomy = make_anatomy(dendrites, spines, FIELD, SceneSettings(), np.random.default_rng(0))
    message = r"^spine p2: spine_class must be one of thin, stubby, mushroom, filopodium; found fat$"
    with pytest.raises(InputError, match=message):
        place_spines(anatomy, states[states["session"] == "before"])


@pytest.mark.parametrize("column", ["head_diameter_um", "protrusion_um"])
def test_a_standing_spine_needs_a_size_and_an_absent_one_does_not(placed, column):
    anatomy, mine, _ = placed
    mine = mine.copy()
    mine.loc[5, column] = np.nan
    place_spines(anatomy, mine)
    mine.loc[1, column] = -0.5
    with pytest.raises(InputError, match=rf"^spine p1: {column} must be above 0; found -0.5$"):
        place_spines(anatomy, mine)


def test_the_overhang_is_what_the_eye_sees_beyond_the_shaft():
    """A level shaft along x of radius 0.5: 1.5 um of spine sideways, at 60 degrees, and straight up."""
    dendrites = pd.DataFrame({"dendrite": ["a"], "length_um": [20.0], "parent": [None]})
    spines = pd.DataFrame(
        {
            "dendrite": "a",
            "spine": ["side", "slant", "up"],
            "position_um": [8.0, 8.0, 8.0],
            "azimuth_deg": [180.0, 60.0, 90.0],
            "spine_class": "thin",
        }
    )
    settings = SceneSettings(
        radius_um=(0.5, 0.5), taper=0.0, varicosity=0.0, slope=0.0, wiggle_um=0.0, bend_um=1e6, margin_um=12.0
    )
    anatomy = make_anatomy(dendrites, spines, FIELD, settings, np.random.default_rng(0))
    states = spines[["spine"]].assign(present=True, head_diameter_um=0.5, protrusion_um=1.5)
    overhang = place_spines(anatomy, states)["overhang_um"]
    np.testing.assert_allclose(overhang, [1.5, 2.0 * 0.5 - 0.5, -0.5], atol=0.02)
