"""A run does what is missing, no more, and gives the same tables in whatever way it ran."""

import numpy as np
import pandas as pd
import pytest

from respine.core.errors import InputError, ReadError
from respine.study.graph import Stage, Task
from respine.study.job import run_job
from respine.study.results import Results


def outcome(folder):
    """Every byte that a run is answerable for: the tables and the kept values."""
    results = folder / "results"
    files = [*(results / "tables").iterdir(), *(results / "cache").rglob("*.out")]
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in files}


def done(progress):
    return sorted(str(task) for task in set(progress.kept) - progress.reused)


def test_a_run_makes_the_tables_and_says_how(tmp_path, toy):
    graph, progress = run_job(toy.make_job(tmp_path), workers=1)
    assert len(progress.kept) == len(graph.tasks) == 6 + 2 + 6 + 1
    results = Results(tmp_path)
    table = results.read_table("density_by_subject")
    assert list(zip(table["subject"], table["session"], strict=True)) == [
        (subject, session) for subject in ("m1", "m2") for session in ("s0", "s1", "s2")
    ]
    values = [2.0 * np.load(tmp_path / f"m1_s{k}.npy") for k in range(3)]
    assert table["length_um"][0] == pytest.approx((values[0] - np.mean(values, axis=0)).sum())
    assert results.outputs("compare") == {
        Task("compare"): {f"{m} s{k}": 24.0 * k for m in ("m1", "m2") for k in range(3)}
    }
    about = results.read_provenance()
    assert about["seed"] == 1
    assert about["settings"] == {"toy": {"factor": 2.0}, "other": {"offset": 0.0}}
    assert about["stages"] == {"load": 1, "pool": 1, "measure": 1, "compare": 1}
    assert [entry["path"] for entry in about["inputs"]][:2] == ["m1_s0.npy", "m1_s1.npy"]
    assert len(about["tasks"]) == 15
    assert about["failed"] == about["not_run"] == []
    assert not any(task["reused"] for task in about["tasks"])


def test_a_second_run_does_nothing(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    before = outcome(tmp_path)
    _, progress = run_job(toy.make_job(tmp_path), workers=1)
    assert done(progress) == []
    assert outcome(tmp_path) == before


@pytest.mark.slow
def test_the_number_of_workers_changes_no_byte(tmp_path, toy):
    for name, workers in (("one", 1), ("three", 3)):
        (tmp_path / name).mkdir()
        _, progress = run_job(toy.make_job(tmp_path / name), workers=workers)
        assert progress.failures == []
    assert outcome(tmp_path / "one") == outcome(tmp_path / "three")


def changed_file(folder, toy):
    np.save(folder / "m1_s1.npy", np.ones((4, 16, 16)))
    return toy.make_job(folder)


def touched_file(folder, toy):
    (folder / "m1_s1.npy").touch()
    return toy.make_job(folder)


def changed_setting(folder, toy):
    return toy.make_job(folder, settings={"other": toy.OtherSettings(offset=1.0)})


def changed_seed(folder, toy):
    return toy.make_job(folder, seed=2)


def changed_time(folder, toy):
    job = toy.make_job(folder)
    sessions = (*job.sessions[:-1], toy.SessionTime("m2", "s2", 50.0, "day 2"))
    return toy.make_job(folder, sessions=sessions)


def changed_version(folder, toy):
    stages = list(toy.STAGES)
    stages[1] = Stage("pool", 2, "fov", toy.pool, needs=("load",), settings={"other": toy.OtherSettings})
    return toy.make_job(folder, tuple(stages))


def added_stage(folder, toy):
    return toy.make_job(folder, (*toy.STAGES, Stage("last", 1, "subject", len_of_measure, needs=("measure",))))


def dropped_session(folder, toy):
    return toy.make_job(folder, sources=toy.make_job(folder).sources[:-1])


def len_of_measure(inputs):
    return sum(1 for _ in inputs.each("measure"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (touched_file, {}),
        # The measure of m2 does not hang on m1; the comparison of all does.
        (changed_file, {"load": 1, "pool": 1, "measure": 3, "compare": 1}),
        (changed_setting, {"pool": 2, "measure": 6, "compare": 1}),
        (changed_seed, {"measure": 6, "compare": 1}),
        (changed_time, {"compare": 1}),
        # The new version gives the same pool, so nothing after it has to be done again.
        (changed_version, {"pool": 2}),
        (added_stage, {"last": 2}),
        (dropped_session, {"pool": 1, "measure": 2, "compare": 1}),
    ],
)
def test_only_what_a_change_touches_is_done_again(tmp_path, toy, change, expected):
    run_job(toy.make_job(tmp_path), workers=1)
    _, progress = run_job(change(tmp_path, toy), workers=1)
    again = pd.Series([task.stage for task in set(progress.kept) - progress.reused], dtype=object).value_counts()
    assert again.to_dict() == expected


def test_what_was_kept_is_used_again_after_a_change_was_undone(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    before = outcome(tmp_path)
    run_job(changed_setting(tmp_path, toy), workers=1)
    assert outcome(tmp_path) != before
    _, progress = run_job(toy.make_job(tmp_path), workers=1)
    assert done(progress) == []
    assert {k: v for k, v in outcome(tmp_path).items() if k in before} == before


def test_a_moved_study_is_not_run_again(tmp_path, toy):
    (tmp_path / "old").mkdir()
    run_job(toy.make_job(tmp_path / "old"), workers=1)
    (tmp_path / "old").rename(tmp_path / "new")
    _, progress = run_job(toy.make_job(tmp_path / "new"), workers=1)
    assert done(progress) == []


def broken_measure(inputs):
    if inputs.task.subject == "m1" and inputs.task.session == "s1":
        raise ValueError("no such shaft")
    return {"density_by_subject": pd.DataFrame()}


def test_a_failure_names_its_task_and_stops_only_what_hangs_on_it(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    stages = (
        *toy.STAGES[:2],
        Stage("measure", 2, "session", broken_measure, needs=("load",), tables=("density_by_subject",)),
        toy.STAGES[3],
        Stage("other", 1, "session", toy.load, reads=("structure",), settings={"toy": toy.ToySettings}),
    )
    graph, progress = run_job(toy.make_job(tmp_path, stages), workers=1)
    message = "stage measure, subject m1, fov a, session s1: ValueError: no such shaft"
    assert [str(failure) for failure in progress.failures] == [message]
    assert progress.blocked(graph) == (Task("compare"),)
    assert len(progress.kept) == len(graph.tasks) - 2
    results = Results(tmp_path)
    # The table of the run before would not belong to this one.
    assert results.table_names() == ()
    about = results.read_provenance()
    assert about["not_run"] == ["stage compare"]
    assert about["failed"][0]["message"] == message
    assert "in broken_measure" in about["failed"][0]["traceback"]


@pytest.mark.slow
def test_a_failure_in_a_cluster_reads_the_same(tmp_path, toy):
    stages = (*toy.STAGES[:2], Stage("measure", 1, "session", toy.fail, needs=("load",)))
    _, progress = run_job(toy.make_job(tmp_path, stages), workers=2)
    assert sorted(str(failure) for failure in progress.failures)[0] == (
        "stage measure, subject m1, fov a, session s0: no shaft in the field of view"
    )
    assert len(progress.failures) == 6
    assert "in fail" in Results(tmp_path).read_provenance()["failed"][0]["traceback"]


def test_a_recording_that_changes_while_it_is_read_is_a_failure(tmp_path, toy):
    def meddle(inputs):
        (inputs.study / inputs.sources[0].path).write_bytes(b"other")
        return 1

    stages = (Stage("load", 1, "session", meddle, reads=("structure",)),)
    job = toy.make_job(tmp_path, stages)
    _, progress = run_job(toy.make_job(tmp_path, stages, sources=job.sources[:1]), workers=1)
    assert [str(failure) for failure in progress.failures] == [
        "stage load, subject m1, fov a, session s0: m1_s0.npy: the recording changed while it was read; run again"
    ]
    assert list((tmp_path / "results" / "cache").rglob("*.out")) == []


def test_a_missing_recording_stops_the_run_before_it_begins(tmp_path, toy):
    job = toy.make_job(tmp_path)
    (tmp_path / "m2_s0.npy").unlink()
    with pytest.raises(ReadError) as caught:
        run_job(job, workers=1)
    assert str(caught.value) == f"{tmp_path / 'm2_s0.npy'}: cannot be read: No such file or directory"
    assert not (tmp_path / "results" / "provenance.json").exists()


def test_no_workers_are_refused(tmp_path, toy):
    with pytest.raises(InputError, match=r"^a run needs at least 1 worker; found 0$"):
        run_job(toy.make_job(tmp_path), workers=0)


def test_progress_is_told_of_every_task(tmp_path, toy):
    seen = []
    graph, _ = run_job(toy.make_job(tmp_path), workers=1, watch=lambda _, task: seen.append(task))
    assert seen == list(graph.tasks)


def test_an_order_names_folders_that_any_worker_finds(tmp_path, toy, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stages = (Stage("load", 1, "session", lambda inputs: str(inputs.study), reads=("structure",)),)
    run_job(toy.make_job(".", stages), workers=1)
    assert set(Results(tmp_path).outputs("load").values()) == {str(tmp_path)}
