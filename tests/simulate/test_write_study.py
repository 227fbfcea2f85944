import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, MissingExtraError
from respine.core.warp import Warp
from respine.io.stack_files import read_stack
from respine.simulate.scenarios import scenario_settings
from respine.simulate.settings import Arm
from respine.simulate.study import simulate_study
from respine.simulate.truth import TRUTH_TABLES
from respine.simulate.write import RECORDERS, count_recordings, write_study
from respine.study.check import check_study
from respine.study.manifest import read_study

PROBE = (
    Arm(stress="stress", treatment="ketamine", probe="targeted", light="on"),
    Arm(stress="stress", treatment="ketamine"),
)


def tiny(**changes):
    """Return the settings of a study that is quickly written: two animals, one short dendrite, few sessions."""
    settings = scenario_settings("textbook", 1, "small")
    keep = ("baseline2", "24h", "7d")
    return settings.changed(
        **{
            "sessions": tuple(s for s in settings.sessions if s.name in keep),
            "arms": PROBE,
            "anatomy": {"dendrites_per_fov": 1, "dendrite_length_um": 30.0},
            "dropout": {"per_week": 0.0},
            "ketamine": {"responder_fraction": 1.0, "restored_fraction": 0.9, "restored_fraction_sd": 0.0},
            "probe": {"sensitivity": 0.9, "off_target": 0.4},
        }
        | changes
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "tiny"
    study = simulate_study(tiny(), 4)
    seen = []
    write_study(study, folder, "small", ["structure", "probe", "light"], lambda name, _: seen.append(name))
    return study, folder, seen


def table(folder, kind, name):
    return pd.read_parquet(folder / "truth" / kind / f"{name}.parquet")


def test_the_folder_is_a_good_study(written):
    _, folder, _ = written
    assert check_study(folder) == []
    study = read_study(folder)
    assert [s.subject for s in study.subjects] == ["m01", "m02"]
    assert study.phases == ("baseline2", "24h", "7d")
    assert study.factors == {"probe": ("targeted", "none"), "light": ("on", "off")}
    assert {r.kind for r in study.recordings} == {"structure", "label"}


def test_factors_and_contrasts_of_the_textbook(tmp_path):
    study = simulate_study(scenario_settings("textbook", 1, "small"), 1)
    write_study(study, tmp_path / "s", "small", [])
    definition = tomllib.loads((tmp_path / "s" / "study.toml").read_text())
    assert definition["factors"] == {"stress": ["control", "stress"], "treatment": ["vehicle", "ketamine"]}
    assert [(c["factor"], c["first_phase"], c["last_phase"]) for c in definition["contrasts"]] == [
        ("stress", "baseline2", "stressed"),
        ("treatment", "stressed", "24h"),
    ]
    subjects = pd.read_csv(tmp_path / "s" / "subjects.csv")
    assert subjects.columns.tolist() == ["subject", "stress", "treatment"]
    assert len(subjects) == 4


def test_only_sessions_that_took_place_are_listed(tmp_path):
    study = simulate_study(tiny(subjects_per_arm=10, dropout={"per_week": 0.3}), 1)
    write_study(study, tmp_path / "s", "small", [])
    rows = pd.read_csv(tmp_path / "s" / "sessions.csv")
    assert len(rows) == study.attended.sum() < study.attended.size


def test_stacks_hold_the_spines_where_the_truth_says(written):
    _, folder, _ = written
    spines = table(folder, "structure", "spines")
    present = spines[spines["present"] & spines["inside"]]
    brighter = []
    for (subject, session, fov), rows in present.groupby(["subject", "session", "fov"]):
        stack = read_stack(folder / "structure" / f"{subject}_{session}_{fov}.tif")
        voxels = np.asarray(stack.voxels, float)
        at = np.round(rows[["z_um", "y_um", "x_um"]].to_numpy() / stack.voxel_um).astype(int)
        at = np.clip(at, 1, np.array(stack.shape) - 2)
        around = [voxels[z, y - 1 : y + 2, x - 1 : x + 2].mean() for z, y, x in at]
        brighter += [value > np.median(voxels) for value in around]
    assert len(brighter) > 30
    assert np.mean(brighter) > 0.9


def test_truth_of_the_warp_takes_the_reference_frame_to_the_raw_stack(written):
    _, folder, _ = written
    lines = table(folder, "structure", "lines")
    axes = ["z_um", "y_um", "x_um"]
    for subject in ("m01", "m02"):
        first, later = (
            lines[(lines["subject"] == subject) & (lines["session"] == s)][axes].to_numpy() for s in ("baseline2", "7d")
        )
        warps = []
        for session in ("baseline2", "7d"):
            with np.load(folder / "truth" / "structure" / f"{subject}_{session}_f1.npz") as arrays:
                warps.append(Warp(**{k: v if v.ndim else float(v) for k, v in arrays.items()}))
        moved = warps[1].apply(warps[0].inverse(first))
        # What is left is breathing, which no warp holds.
        assert np.abs(moved - later).max() < 0.2


def test_the_truth_of_the_study_is_whole(written):
    study, folder, _ = written
    for name in TRUTH_TABLES:
        assert len(table(folder, "study", name)) == len(study.table(name)), name
    said = json.loads((folder / "truth" / "simulation.json").read_text())
    assert (said["seed"], said["size"]) == (4, "small")
    assert type(study.settings)(**said["settings"]) == study.settings


def test_stacks_show_the_spines_of_the_mechanism(written):
    study, folder, _ = written
    states = study.table("states").query("present")
    seen = table(folder, "structure", "spines").query("present")
    keys = ["subject", "session", "fov", "spine"]
    both = states.merge(seen, on=keys, suffixes=("", "_seen"))
    assert len(both) == len(states) == len(seen)
    assert (both["dendrite"] == both["dendrite_seen"]).all()


def test_labels_and_light_are_of_the_animal_with_the_probe(written):
    study, folder, _ = written
    labels = study.table("labels")
    rows = pd.read_csv(folder / "recordings.csv").query("kind == 'label'")
    assert rows[["subject", "session"]].to_numpy().tolist() == [["m01", "24h"], ["m01", "7d"]]
    log = pd.read_csv(folder / "photostimulation" / "m01_24h_f1.csv")
    assert 0 < len(log) <= (labels["labelled"] & labels["lit"]).sum()
    label = table(folder, "probe", "label").query("session == '24h'")
    bright = set(label.loc[label["label"] > 0.2, "spine"])
    assert bright == set(labels.loc[labels["labelled"], "spine"])


def test_label_channel_shines_at_the_labelled_spines(written):
    study, folder, _ = written
    labels = study.table("labels").set_index("spine")["labelled"]
    spines = table(folder, "structure", "spines").query("subject == 'm01' and session == '24h' and present and inside")
    stack = read_stack(folder / "label" / "m01_24h_f1.tif")
    at = np.round(spines[["z_um", "y_um", "x_um"]].to_numpy() / stack.voxel_um).astype(int)
    value = np.array([stack.voxels[z, y - 1 : y + 2, x - 1 : x + 2].mean() for z, y, x in at])
    labelled = spines["spine"].map(labels).fillna(False).to_numpy(bool)
    assert labelled.any()
    assert np.median(value[labelled]) > 2 * np.median(value[~labelled])


def test_watchers_are_told_of_every_recording(written):
    study, _, seen = written
    assert [seen.count(n) for n in ("structure", "probe", "light")] == [6, 2, 1]
    assert count_recordings(study, ["structure", "probe", "light"]) == len(seen)


def test_counts_of_everything():
    study = simulate_study(tiny(), 4)
    assert count_recordings(study) == 6 + 2 + 1 + 6 + 6 + 18
    assert count_recordings(study, []) == 0


def test_same_seed_same_files(written, tmp_path):
    study, folder, _ = written
    write_study(simulate_study(study.settings, 4), tmp_path / "again", "small", ["structure", "probe", "light"])
    first = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
    second = {p.relative_to(tmp_path / "again"): p for p in (tmp_path / "again").rglob("*") if p.is_file()}
    assert first.keys() == second.keys()
    for name, path in first.items():
        if name.suffix in (".csv", ".toml", ".json", ".parquet"):
            assert path.read_bytes() == second[name].read_bytes(), name
        elif name.suffix == ".tif":
            assert np.array_equal(read_stack(path).voxels, read_stack(second[name]).voxels), name


@pytest.mark.slow
def test_movies_and_behaviour_follow_the_mechanism(tmp_path):
    pytest.importorskip("av")
    settings = tiny(arms=PROBE[1:], activity={"recording_s": 30.0})
    study = simulate_study(settings, 5)
    folder = tmp_path / "s"
    write_study(study, folder, "small", ["calcium", "spine_calcium", "behaviour"])
    assert check_study(folder) == []
    kinds = pd.read_csv(folder / "recordings.csv")["kind"].value_counts().to_dict()
    assert kinds == {"calcium": 6, "tail_suspension": 3, "sucrose_preference": 3, "y_maze": 6}
    found = table(folder, "behaviour", "suspension").set_index("session")
    scores = study.table("behaviour").query("measure == 'immobility_s'").set_index("session")["value"]
    for session, row in found.iterrows():
        assert row["immobile_s"] / row["duration_s"] == pytest.approx(scores[session] / 360, abs=1e-6)
    sucrose = table(folder, "behaviour", "sucrose").set_index("session")["preference"]
    assert (100 * sucrose).to_dict() == pytest.approx(
        study.table("behaviour").query("measure == 'sucrose_percent'").set_index("session")["value"].to_dict()
    )
    cells = table(folder, "calcium", "calcium_cells")
    assert len(cells) == 3 * 30


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    study = simulate_study(tiny(), 4)
    expected = f"{tmp_path}: found something there already, expected an empty folder, or none"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        write_study(study, tmp_path, "small", [])
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    write_study(simulate_study(tiny(), 4), tmp_path, "small", [])
    assert (tmp_path / "study.toml").is_file()


def test_unknown_sizes_and_recordings_are_refused(tmp_path):
    study = simulate_study(tiny(), 4)
    with pytest.raises(InputError, match=r"^size: found 'tiny', expected one of full, small$"):
        write_study(study, tmp_path / "s", "tiny")
    expected = f"only: found 'stacks', expected one of {', '.join(RECORDERS)}"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        write_study(study, tmp_path / "s", "small", ["stacks"])
    alone = "only: found probe without structure, expected both: the probe is measured on imaged spines"
    with pytest.raises(InputError, match=f"^{alone}$"):
        write_study(study, tmp_path / "s", "small", ["probe"])
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing(tmp_path):
    def fail(name, recording):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_study(simulate_study(tiny(), 4), tmp_path / "s", "small", ["structure"], fail)
    assert list(tmp_path.iterdir()) == []


def test_videos_without_their_package_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    expected = (
        "writing videos of behaviour needs the package av, which is not installed; "
        "install it with: pip install 'respine[video]'"
    )
    with pytest.raises(MissingExtraError, match=f"^{re.escape(expected)}$"):
        write_study(simulate_study(tiny(), 4), tmp_path / "s", "small")
    assert list(Path(tmp_path).iterdir()) == []
