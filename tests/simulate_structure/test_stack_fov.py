"""A field of view over sessions: tables of truth, repeatability, the second channel."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from respine.core.errors import InputError
from respine.simulate.structure.fov import simulate_fov
from respine.simulate.structure.scene import build_label_scene
from respine.simulate.structure.settings import FovSettings, SceneSettings, SessionSettings

NAMES = ["before", "after"]


@pytest.fixture
def sessions(tables, small):
    return simulate_fov(*tables, NAMES, small, np.random.default_rng(0))


def grey_at(volume, points_um, voxel_um):
    at = np.round(points_um / np.array(voxel_um)).astype(int)
    return np.array([volume[z, y - 1 : y + 2, x - 1 : x + 2].mean() for z, y, x in at])


def test_a_stack_has_the_shape_voxels_and_type_asked(sessions):
    stack = sessions[0].stack()
    assert stack.shape == sessions[0].shape == (20, 200, 210)
    assert stack.voxel_um == (1.0, 0.12, 0.12)
    assert stack.voxels.dtype == np.uint8
    assert [s.name for s in sessions] == NAMES


def test_the_table_of_spines_says_who_stands_and_where(sessions, tables):
    for session in sessions:
        table = session.spines()
        states = tables[2].query("session == @session.name")
        assert table["spine"].tolist() == states["spine"].tolist()
        assert table["present"].tolist() == states["present"].tolist()
        absent = ~table["present"]
        assert table.loc[absent, ["z_um", "y_um", "x_um", "tip_z_um", "head_diameter_um"]].isna().all(axis=None)
        assert table.loc[~absent, ["z_um", "y_um", "x_um", "tip_z_um"]].notna().all(axis=None)
        assert table[["base_z_um", "base_y_um", "base_x_um"]].notna().all(axis=None)
        assert set(table["side"]) == {"left", "right"}


def test_the_warp_takes_the_places_of_the_first_session_to_those_of_the_second(sessions):
    first, second = (s.spines().set_index("spine") for s in sessions)
    base = [f"base_{axis}_um" for axis in "zyx"]
    reference = sessions[0].warp.inverse(first[base].to_numpy())
    moved = sessions[1].warp.apply(reference)
    # What is left is the motion within a slice, which a warp does not describe.
    limit = 2 * SessionSettings().breathing_um + 0.02
    np.testing.assert_allclose(moved, second[base].to_numpy(), atol=limit)
    assert np.abs(moved - first[base].to_numpy()).max() > 0.5


def test_the_lines_run_through_bright_voxels_and_end_where_the_dendrite_does(sessions):
    for session in sessions:
        lines, volume = session.lines(), session.stack().voxels.astype(float)
        assert lines.groupby("dendrite")["position_um"].max().round(1).to_dict() == {"a": 20.0, "b": 9.0}
        assert lines.query("dendrite == 'b'")["parent"].unique().tolist() == ["a"]
        inner = lines[lines["inside"] & (lines["position_um"] > 3)]
        inner = inner[(inner["x_um"] > 1) & (inner["x_um"] < 24) & (inner["y_um"] > 1) & (inner["y_um"] < 22)]
        grey = grey_at(volume, inner[["z_um", "y_um", "x_um"]].to_numpy(), session.voxel_um)
        assert len(inner) > 20
        assert np.median(grey) > 8 * np.median(volume)


def test_a_spine_shines_in_the_session_in_which_it_stands(tables, small, still):
    dendrites, spines, states = tables
    states["head_diameter_um"] = 0.7
    settings = small.model_copy(update={"acquisition": still})
    before, after = simulate_fov(dendrites, spines, states, NAMES, settings, np.random.default_rng(0))
    for name, session, other in (("p1", before, after), ("p5", after, before)):
        head = session.spines().set_index("spine").loc[[name], ["z_um", "y_um", "x_um"]].to_numpy(float)
        there, gone = (grey_at(s.stack().voxels.astype(float), head, s.voxel_um)[0] for s in (session, other))
        assert there > 1.5 * gone


def test_the_same_seed_gives_the_same_bytes_and_a_stack_repeats(tables, small):
    one, other = (simulate_fov(*tables, NAMES, small, np.random.default_rng(6)) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.stack().voxels, b.stack().voxels)
        np.testing.assert_array_equal(a.stack().voxels, np.concatenate(list(a.chunks(3))))
        pd.testing.assert_frame_equal(a.spines(), b.spines())
    different = simulate_fov(*tables, NAMES, small, np.random.default_rng(7))
    assert (different[0].stack().voxels != one[0].stack().voxels).any()


def test_a_session_does_not_depend_on_those_after_it(tables, small):
    dendrites, spines, states = tables
    alone = simulate_fov(dendrites, spines, states, ["before"], small, np.random.default_rng(6))[0]
    first = simulate_fov(dendrites, spines, states, NAMES, small, np.random.default_rng(6))[0]
    np.testing.assert_array_equal(alone.stack().voxels, first.stack().voxels)


def test_a_dim_session_is_dim_and_nothing_else_moves(tables, small):
    bright, dim = (
        simulate_fov(*tables, NAMES, small, np.random.default_rng(6), brightness)[1]
        for brightness in ({"after": 1.0}, {"after": 0.3})
    )
    np.testing.assert_array_equal(bright.warp.offset_um, dim.warp.offset_um)
    pd.testing.assert_frame_equal(bright.spines(), dim.spines())
    line = bright.lines().query("inside")[["z_um", "y_um", "x_um"]].to_numpy()
    line = line[((line > 1) & (line < [18, 22, 23])).all(axis=1)]
    grey = [np.median(grey_at(s.stack().voxels.astype(float), line, s.voxel_um)) for s in (bright, dim)]
    assert grey[1] < 0.5 * grey[0]


def test_a_lost_session_says_that_its_spines_are_not_inside(tables, small):
    settings = small.model_copy(update={"acquisition": SessionSettings(lost_sessions=("after",))})
    before, after = simulate_fov(*tables, NAMES, settings, np.random.default_rng(0))
    assert before.spines()["inside"].mean() > 0.8
    assert after.spines()["inside"].mean() < 0.6


def test_the_second_channel_shows_labelled_spines_above_a_dim_shaft(tables, small, still):
    dendrites, spines, states = tables
    states["head_diameter_um"] = 0.7
    settings = small.model_copy(update={"acquisition": still})
    session = simulate_fov(dendrites, spines, states, NAMES, settings, np.random.default_rng(0))[0]
    label = pd.DataFrame({"spine": ["p1"], "label": [3.0]})
    channel = np.concatenate(list(session.label_chunks(label))).astype(float)
    heads = session.spines().set_index("spine")[["z_um", "y_um", "x_um"]]
    lit, unlit = (grey_at(channel, heads.loc[[n]].to_numpy(float), session.voxel_um)[0] for n in ("p1", "p0"))
    assert lit > 4 * unlit
    structural = session.stack().voxels.astype(float)
    line = session.lines().query("dendrite == 'a' and position_um > 6 and position_um < 14")
    shaft = [
        grey_at(v, line[["z_um", "y_um", "x_um"]].to_numpy(), session.voxel_um).mean() for v in (channel, structural)
    ]
    assert 0.02 < shaft[0] / shaft[1] < 0.25
    assert channel.shape == session.shape


def test_bleed_through_is_the_share_set_of_the_structural_light(sessions):
    scene = sessions[0].scene()
    none = pd.DataFrame({"spine": [], "label": []})
    leaked = build_label_scene(scene, none, shaft=0.0, bleed_through=0.05)
    assert leaked.cells.mass.sum() == pytest.approx(0.05 * scene.cells.mass.sum())


def test_a_label_on_an_unknown_spine_is_refused(sessions):
    label = pd.DataFrame({"spine": ["ghost"], "label": [1.0]})
    with pytest.raises(InputError, match=r"^label: spine ghost is not among the spines of this session$"):
        sessions[0].label_chunks(label)


def test_a_session_without_states_is_refused(tables, small):
    with pytest.raises(InputError, match=r"^states: session later has no rows$"):
        simulate_fov(*tables, [*NAMES, "later"], small, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("model", "wrong", "message"),
    [
        (
            FovSettings,
            {"shape": (1, 9, 9)},
            "shape must be at least 2 voxels along every axis (z, y, x); found (1, 9, 9)",
        ),
        (
            SceneSettings,
            {"radius_um": (0.5, 0.3)},
            "radius_um must be two rising positive numbers in um; found (0.5, 0.3)",
        ),
    ],
)
def test_an_impossible_setting_is_refused_by_name(model, wrong, message):
    with pytest.raises(ValidationError) as caught:
        model(**wrong)
    assert caught.value.errors()[0]["msg"] == f"Value error, {message}"


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        SessionSettings(shift=3.0)
