"""Walks through a Y-maze, and the pose files of them."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, SettingsError
from respine.simulate.behaviour.write import write_y_maze
from respine.simulate.behaviour.y_maze import ARMS, Y_MAZE_SIZES, Entries, YMazeSettings, simulate_entries
from respine.simulate.behaviour.y_maze_pose import arm_ends_px, track_pose, walk_px
from respine.simulate.recording import Visit
from respine.study.rows import RecordingRow


@pytest.mark.parametrize("share", [0.0, 0.57, 0.65, 1.0])
def test_an_exact_walk_has_its_alternation_to_within_a_triad(share):
    for seed in range(10):
        walk = simulate_entries(share, 28, YMazeSettings(), np.random.default_rng(seed))
        assert walk.alternation == pytest.approx(share, abs=0.5 / 26 + 1e-9)
        assert len(walk.arm) == 28


def test_a_free_walk_alternates_with_its_probability():
    walk = simulate_entries(0.65, 20_000, YMazeSettings(), np.random.default_rng(0), exact=False)
    assert walk.alternation == pytest.approx(0.65, abs=4 * np.sqrt(0.65 * 0.35 / 20_000))
    pairs = walk.arm[2:] != walk.arm[:-2]
    assert np.corrcoef(pairs[1:], pairs[:-1])[0, 1] == pytest.approx(0, abs=0.03)
    assert np.bincount(walk.arm) / 20_000 == pytest.approx(np.full(3, 1 / 3), abs=0.03)


def test_an_entry_always_leads_into_another_arm():
    walk = simulate_entries(0.3, 500, YMazeSettings(), np.random.default_rng(1))
    assert (np.diff(walk.arm) != 0).all()


def test_times_are_in_order_and_inside_the_test():
    for entries in (1, 2, 3, 28, 400):
        walk = simulate_entries(0.6, entries, YMazeSettings(), np.random.default_rng(2))
        edges = np.stack([walk.enter_s, walk.leave_s], axis=1).ravel()
        assert (np.diff(edges) > 0).all()
        assert edges[0] > 0
        assert edges[-1] == pytest.approx(480)


def test_alternation_of_a_short_walk_is_missing():
    assert np.isnan(simulate_entries(0.6, 2, YMazeSettings(), np.random.default_rng(0)).alternation)


def test_alternation_counts_triads_of_three_arms():
    walk = Entries(np.array([0, 1, 2, 1, 0, 1]), np.zeros(6), np.zeros(6))
    assert walk.alternation == 2 / 4


@pytest.mark.parametrize(
    ("share", "entries", "message"),
    [
        (65, 28, "Y-maze: alternation must lie between 0 and 1; found 65"),
        (0.6, 0, "Y-maze: entries must be at least 1; found 0"),
    ],
)
def test_impossible_walks_are_refused(share, entries, message):
    with pytest.raises(InputError) as error:
        simulate_entries(share, entries, YMazeSettings(), np.random.default_rng(0))
    assert str(error.value) == message


def test_impossible_settings_are_refused_by_name():
    with pytest.raises(SettingsError) as error:
        YMazeSettings(arm_cm=1, arms=4)
    assert str(error.value) == "arm_cm: found 1, expected greater than 5; arms: unknown setting"


def entries_seen(path, settings):
    """Arms and times at which a body is first beyond the entry line, from its path alone."""
    ends = arm_ends_px(settings)
    outward = path - ends[0]
    direction = (ends[1:] - ends[0]) / np.linalg.norm(ends[1:] - ends[0], axis=1, keepdims=True)
    along = outward @ direction.T
    arm = np.where(along.max(axis=1) > settings.entry_cm * settings.px_per_cm, along.argmax(axis=1), -1)
    starts = np.flatnonzero((arm[1:] >= 0) & (arm[1:] != arm[:-1])) + 1
    return arm[starts], starts / settings.frame_rate_hz


def test_the_path_enters_the_arms_of_the_walk_on_time():
    settings = YMazeSettings(frame_rate_hz=30)
    walk = simulate_entries(0.65, 28, settings, np.random.default_rng(3))
    path, heading = walk_px(walk, settings, np.random.default_rng(4))
    arms, times = entries_seen(path, settings)
    assert arms.tolist() == walk.arm.tolist()
    np.testing.assert_allclose(times, walk.enter_s, atol=0.15)
    np.testing.assert_allclose(np.linalg.norm(heading, axis=1), 1, atol=1e-6)
    size = 2 * (35 + 4) * 6
    assert path.min() > 0
    assert path.max() < size


def test_nose_leads_and_tail_follows():
    settings = YMazeSettings(jitter_px=0, loss_per_min=0)
    walk = simulate_entries(0.65, 28, settings, np.random.default_rng(3))
    pose = track_pose(walk, settings, np.random.default_rng(4))["DLC_simulated"]
    apart = {
        name: np.hypot(pose[name]["x"] - pose["body"]["x"], pose[name]["y"] - pose["body"]["y"]) / 6
        for name in ("nose", "tail_base")
    }
    np.testing.assert_allclose(apart["nose"], 4.2, atol=0.01)
    np.testing.assert_allclose(apart["tail_base"], 3.4, atol=0.01)
    assert (pose["body"]["likelihood"] > 0.9).mean() > 0.99


def test_lost_points_have_low_likelihood_and_wrong_places():
    settings = YMazeSettings(loss_per_min=6.0, loss_s=0.5)
    walk = simulate_entries(0.65, 28, settings, np.random.default_rng(3))
    pose = track_pose(walk, settings, np.random.default_rng(5))["DLC_simulated"]
    body, _ = walk_px(walk, settings, np.random.default_rng(5))
    point = pose["body"]
    lost = point["likelihood"].to_numpy() < 0.8
    away = np.hypot(point["x"] - body[:, 1], point["y"] - body[:, 0]).to_numpy()
    assert lost.mean() == pytest.approx(6 / 60 * 0.56, rel=0.5)
    assert np.median(away[lost]) > 50
    assert np.median(away[~lost]) < 4


def test_a_recording_comes_with_its_rows_and_truth(tmp_path):
    settings = Y_MAZE_SIZES["small"]
    made = write_y_maze(Visit("m1", "24h"), 0.65, 27.6, tmp_path, settings, np.random.default_rng(0))
    for row in made.rows:
        RecordingRow.model_validate({k: v for k, v in row.items() if v != ""})
    assert [row["path"] for row in made.rows] == ["y_maze/m1_24h.csv", "y_maze/m1_24h_DLC.csv"]
    table = pd.read_csv(tmp_path / made.rows[0]["path"])
    assert table.columns.tolist() == ["entry", "arm", "enter_s", "leave_s"]
    assert set(table["arm"]) <= set(ARMS)
    assert len(table) == 28
    assert made.tables["y_maze"]["alternation"].item() == pytest.approx(0.65, abs=0.02)
    pose = pd.read_csv(tmp_path / made.rows[1]["path"], header=[0, 1, 2], index_col=0)
    assert pose.columns.names == ["scorer", "bodyparts", "coords"]
    assert len(pose) == 2400
    assert pose["DLC_simulated"]["arm_A_end"]["x"].std() < 0.5
    bare = write_y_maze(
        Visit("m2", "24h"), 0.65, 1, tmp_path, settings.changed(write_pose=False), np.random.default_rng(0)
    )
    assert len(bare.rows) == 1
    assert bare.tables["y_maze"]["n_entries"].item() == 3


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made = write_y_maze(
            Visit("m1", "3h"), 0.6, 20, tmp_path / name, Y_MAZE_SIZES["small"], np.random.default_rng(seed)
        )
        files.append([(tmp_path / name / row["path"]).read_bytes() for row in made.rows])
    assert files[0] == files[1]
    assert files[0] != files[2]
