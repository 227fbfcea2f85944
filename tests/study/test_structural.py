"""The structural pipeline from a study folder to its report, on simulated stacks with known truth."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy.spatial import cKDTree

from respine.core.dendrite import Tracing
from respine.io.tracing_csv import write_tracing_csv
from respine.simulate.scenarios import scenario_settings
from respine.simulate.study import simulate_study
from respine.simulate.write import write_study
from respine.study.results import Results
from respine.study.run import open_job, run_study
from respine.study.stages import SETTINGS, STAGES

SESSIONS = ["baseline1", "baseline2", "stressed"]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """One animal, one field of view, three sessions."""
    folder = tmp_path_factory.mktemp("simulated") / "study"
    settings = scenario_settings("textbook", 1, "small")
    sessions = [session.model_dump() for session in settings.sessions if session.name in SESSIONS]
    settings = settings.changed(arms=settings.arms[-1:], sessions=sessions, anatomy={"fovs_per_subject": 1})
    write_study(simulate_study(settings, 3), folder, "small", only=("structure",))
    return folder


@pytest.fixture(scope="module")
def ran(simulated):
    assert run_study(simulated, workers=1).failures == ()
    return Results(simulated)


def test_a_section_of_the_settings_is_one_model():
    for stage in STAGES:
        for section, model in stage.settings.items():
            assert SETTINGS[section] is model


@pytest.mark.slow
def test_every_session_is_aligned_and_every_true_dendrite_is_traced(ran):
    registration = ran.read_table("registration")
    assert registration["session"].tolist() == SESSIONS
    assert registration["scorable"].all()
    assert registration["is_reference"].sum() == 1
    lines = pd.read_parquet(ran.study / "truth" / "structure" / "lines.parquet")
    axes = ["z_um", "y_um", "x_um"]
    for task, straightened in ran.outputs("straighten").items():
        traced = np.concatenate([dendrite.points_um for dendrite in straightened.tracing])
        true = lines.loc[lines["session"] == task.session, axes].to_numpy()
        true = true[((true >= 0) & (true <= straightened.extent_um)).all(axis=1)]
        near = cKDTree(traced * (0.3, 1, 1)).query(true * (0.3, 1, 1))[0] < 0.6
        assert near.mean() > 0.85


@pytest.mark.slow
def test_the_tables_agree_with_each_other(ran):
    spines, turnover = ran.read_table("spines"), ran.read_table("turnover")
    assert (turnover["n_first"] + turnover["gained"] - turnover["lost"] == turnover["n_last"]).all()
    assert turnover["interval_h"].unique().tolist() == [48.0, 550.0, 502.0]
    density = ran.read_table("density_by_subject").set_index("session")
    assert density["n_present"].to_dict() == spines.groupby("session")["visible"].sum().to_dict()
    dendrites = ran.read_table("dendrites")
    assert density["length_um"].to_dict() == pytest.approx(dendrites.groupby("session")["inside_um"].sum().to_dict())


@pytest.mark.slow
def test_the_report_shows_every_dendrite(ran):
    page = ran.report.read_text()
    for name in ran.read_table("dendrites")["dendrite"].unique():
        assert name in page
    found = ran.outputs("detect")
    ((_, output),) = found.items()
    assert [crop.sessions for crop in output["crops"]] == [tuple(SESSIONS)] * len(output["crops"])
    marks = output["marks"].merge(ran.read_table("spines"), on=["spine", "session"], suffixes=("", "_base"))
    assert len(marks) == len(ran.read_table("spines"))
    assert (np.sign(marks["lateral_um"]) == np.where(marks["side"] == "left", 1, -1)).mean() > 0.9


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte_of_a_table(ran, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ran.study, other, ignore=shutil.ignore_patterns("results"))
    assert run_study(other, workers=3).failures == ()
    for name in ran.table_names():
        path = f"results/tables/{name}.parquet"
        assert (other / path).read_bytes() == (ran.study / path).read_bytes(), name


@pytest.mark.slow
def test_the_users_own_tracing_is_used_in_place_of_the_automatic_one(ran, tmp_path):
    other = tmp_path / "other"
    # What was kept comes along: sessions are not aligned again.
    shutil.copytree(ran.study, other)
    drawn = replace(next(iter(ran.outputs("straighten").values())).tracing.dendrites[0], parent=None)
    write_tracing_csv(Tracing((drawn,)), other / "mine.csv")
    recordings = pd.read_csv(other / "recordings.csv")
    row = recordings.iloc[:1].assign(kind="dendrites", path="mine.csv")
    pd.concat([recordings, row]).to_csv(other / "recordings.csv", index=False)
    outcome = run_study(other, workers=1)
    assert outcome.failures == ()
    assert outcome.n_reused == 3 + 1 + 3
    dendrites = Results(other).read_table("dendrites")
    assert dendrites["dendrite"].unique().tolist() == [drawn.name]
    before = ran.read_table("dendrites").set_index(["dendrite", "session"])["length_um"]
    after = dendrites.set_index(["dendrite", "session"])["length_um"]
    assert after.to_numpy() == pytest.approx(before[after.index].to_numpy(), rel=0.05)


@pytest.mark.slow
def test_a_session_that_shows_another_place_is_carried_as_unscorable(ran, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(ran.study, other)
    path = other / "structure" / "m01_baseline2_f1.tif"
    voxels = tifffile.memmap(path, mode="r+")
    voxels[:] = np.random.default_rng(0).poisson(3.0, voxels.shape)
    voxels.flush()
    del voxels
    outcome = run_study(other, workers=1)
    assert outcome.failures == ()
    results = Results(other)
    registration = results.read_table("registration").set_index("session")
    assert registration["scorable"].to_dict() == {"baseline1": True, "baseline2": False, "stressed": True}
    assert registration["reason"].notna().tolist() == [False, True, False]
    spines = results.read_table("spines")
    refused = spines[spines["session"] == "baseline2"]
    assert len(refused) == spines["spine"].nunique()
    assert (refused["state"] == "unscorable").all()
    assert refused["visible"].isna().all()
    turnover = results.read_table("turnover_by_subject").set_index(["session_first", "session_last"])
    assert turnover.loc[("baseline1", "baseline2"), "n_scorable"] == 0
    assert turnover.loc[("baseline1", "stressed"), "n_scorable"] > 0
    dendrites = results.read_table("dendrites")
    assert dendrites.loc[dendrites["session"] == "baseline2", "length_um"].isna().all()


def test_recordings_are_handed_on_by_subject_field_and_time(tmp_path):
    (tmp_path / "study.toml").write_text('name = "x"\nseed = 4\n[settings.register]\nsearch_um = 12.0\n')
    (tmp_path / "subjects.csv").write_text("subject\nm2\nm1\n")
    (tmp_path / "sessions.csv").write_text("subject,session,time_h\nm1,b,5\nm1,a,1\nm2,b,2\nm2,a,7\n")
    rows = ["subject,session,kind,fov,path,voxel_z_um,channel"]
    for subject, session, fov in [
        ("m1", "b", "f"),
        ("m1", "a", "f"),
        ("m2", "a", "g"),
        ("m2", "b", "h"),
        ("m2", "b", "g"),
    ]:
        rows.append(f"{subject},{session},structure,{fov},{subject}{session}{fov}.tif,1.5,green")
    (tmp_path / "recordings.csv").write_text("\n".join(rows))
    job = open_job(tmp_path)
    assert [source.path for source in job.sources] == ["m2bg.tif", "m2ag.tif", "m2bh.tif", "m1af.tif", "m1bf.tif"]
    assert dict(job.sources[0].details) == {
        "channel": "green",
        "voxel_z_um": 1.5,
        "voxel_y_um": None,
        "voxel_x_um": None,
    }
    assert job.seed == 4
    assert job.all_settings()["register"].search_um == 12.0
    assert [(s.subject, s.session, s.time_h) for s in job.sessions] == [
        ("m2", "b", 2.0),
        ("m2", "a", 7.0),
        ("m1", "a", 1.0),
        ("m1", "b", 5.0),
    ]
