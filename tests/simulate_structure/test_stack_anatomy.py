"""Spines on their shaft: where the base is, which way it points, and how shafts taper."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError
from respine.core.geometry import points_at, project_on_line
from respine.simulate.structure.anatomy import make_anatomy, shaft_frame
from respine.simulate.structure.settings import SceneSettings

FIELD = np.array([40.0, 60.0, 60.0])


def anatomy_of(tables, seed=0, **settings):
    dendrites, spines, _ = tables
    return make_anatomy(dendrites, spines, FIELD, SceneSettings(**settings), np.random.default_rng(seed))


def test_the_frame_of_a_level_line_to_larger_x():
    line = np.stack([np.full(9, 5.0), np.full(9, 7.0), np.arange(9.0)], axis=1)
    along, left, above = shaft_frame(line, np.array([4.0]))
    np.testing.assert_allclose(along[0], [0, 0, 1])
    # Left of somebody who walks to larger x, on a screen where y points down, is smaller y.
    np.testing.assert_allclose(left[0], [0, -1, 0])
    np.testing.assert_allclose(above[0], [-1, 0, 0])


@pytest.mark.parametrize("seed", range(4))
def test_a_base_lies_on_the_surface_at_its_position_and_azimuth(tables, seed):
    anatomy = anatomy_of(tables, seed)
    for row in anatomy.traits.itertuples():
        dendrite = anatomy.tracing[row.dendrite]
        base = np.array([row.base_z_um, row.base_y_um, row.base_x_um])
        middle = points_at(dendrite.points_um, np.array([row.position_um]))[0]
        along = np.linspace(0, dendrite.length_um, len(dendrite.radius_um))
        assert np.linalg.norm(base - middle) == pytest.approx(
            np.interp(row.position_um, along, dendrite.radius_um), rel=0.02
        )
        position, _ = project_on_line(base[None], dendrite.points_um)
        assert position[0] == pytest.approx(row.position_um, abs=0.35)
    azimuth = tables[1].set_index("spine")["azimuth_deg"]
    up = anatomy.traits.loc["p2"]
    assert azimuth["p2"] == 90
    assert up["direction_z"] < -0.85
    sides = anatomy.traits["side"].drop("p2").tolist()
    assert sides == ["left", "right", "left", "right", "left", "left", "right"]


def test_left_and_right_spines_point_to_opposite_sides(tables):
    traits = anatomy_of(tables).traits
    for name, sign in (("p0", 1.0), ("p1", -1.0)):
        row = traits.loc[name]
        left = np.array([-row["lean_x"], row["lean_y"]])
        assert sign * (left @ [row["direction_y"], row["direction_x"]]) > 0.85


def test_directions_are_unit_vectors_and_mostly_across_the_shaft(tables):
    traits = anatomy_of(tables).traits
    direction, lean = (traits[[f"{n}_{a}" for a in "zyx"]].to_numpy() for n in ("direction", "lean"))
    np.testing.assert_allclose(np.linalg.norm(direction, axis=1), 1.0)
    assert np.abs((direction * lean).sum(axis=1)).max() < 0.7


def test_a_branch_is_thinner_than_its_parent_and_a_shaft_tapers():
    dendrites = pd.DataFrame({"dendrite": ["a", "b"], "length_um": [50.0, 30.0], "parent": [None, "a"]})
    spines = pd.DataFrame(columns=["dendrite", "spine", "position_um", "azimuth_deg", "spine_class"])
    ratios, tapers = [], []
    for seed in range(20):
        anatomy = make_anatomy(
            dendrites, spines, FIELD, SceneSettings(varicosity=0.0, taper=0.5), np.random.default_rng(seed)
        )
        parent, child = anatomy.tracing["a"], anatomy.tracing["b"]
        at = np.argmin(np.linalg.norm(parent.points_um - child.points_um[0], axis=1))
        ratios.append(child.radius_um[2] / parent.radius_um[at])
        tapers.append(parent.radius_um[80] / parent.radius_um[20])
        assert parent.radius_um.min() >= 0.15
    assert max(ratios) <= 0.81
    # 30 of 100 um further on, of a radius that loses half in 100 um: (1 - 0.20) / (1 - 0.05).
    np.testing.assert_allclose(tapers, 0.80 / 0.95, rtol=0.01)


def test_varicosity_is_the_standard_deviation_of_the_log_radius():
    dendrites = pd.DataFrame({"dendrite": ["a"], "length_um": [55.0], "parent": [None]})
    spines = pd.DataFrame(columns=["dendrite", "spine", "position_um", "azimuth_deg", "spine_class"])
    spread = []
    for seed in range(30):
        settings = SceneSettings(varicosity=0.15, taper=0.0, radius_um=(0.6, 0.6))
        radius = make_anatomy(dendrites, spines, FIELD, settings, np.random.default_rng(seed)).tracing["a"].radius_um
        spread.append(np.log(radius[15:100] / 0.6))
    assert np.std(spread) == pytest.approx(0.15, rel=0.12)


def test_traits_do_not_depend_on_the_states_and_repeat_with_the_seed(tables):
    one, other = anatomy_of(tables, 3), anatomy_of(tables, 3)
    pd.testing.assert_frame_equal(one.traits, other.traits)
    np.testing.assert_array_equal(one.tracing["b"].points_um, other.tracing["b"].points_um)
    assert one.tracing["b"].parent == "a"


def test_a_spine_on_no_dendrite_or_beyond_its_end_is_refused(tables):
    dendrites, spines, states = tables
    with pytest.raises(InputError, match=r"^spine p0: its dendrite z is not in this field of view$"):
        anatomy_of((dendrites, spines.assign(dendrite="z"), states))
    message = r"^spine p7: position_um must lie on dendrite b of 9.0 um; found 30$"
    with pytest.raises(InputError, match=message):
        anatomy_of((dendrites, spines.assign(position_um=[*spines["position_um"][:7], 30.0]), states))
