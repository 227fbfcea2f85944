"""The status is that of what the study holds now, and asking changes nothing."""

import numpy as np

from respine.study.graph import Stage
from respine.study.job import run_job
from respine.study.lock import hold_lock
from respine.study.status import find_status


def counts(job):
    return {stage.stage: (stage.done, stage.total) for stage in find_status(job).stages}


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_before_and_after_a_run(tmp_path, toy):
    job = toy.make_job(tmp_path)
    before = files(tmp_path)
    assert counts(job) == {"load": (0, 6), "pool": (0, 2), "measure": (0, 6), "compare": (0, 1)}
    assert files(tmp_path) == before
    run_job(job, workers=1)
    after = files(tmp_path)
    assert counts(job) == {"load": (6, 6), "pool": (2, 2), "measure": (6, 6), "compare": (1, 1)}
    assert files(tmp_path) == after


def test_a_changed_recording_is_to_be_done_again(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    np.save(tmp_path / "m1_s1.npy", np.ones((4, 16, 16)))
    assert counts(toy.make_job(tmp_path)) == {"load": (5, 6), "pool": (1, 2), "measure": (3, 6), "compare": (0, 1)}


def test_who_runs_and_what_failed(tmp_path, toy):
    stages = (*toy.STAGES[:2], Stage("measure", 1, "fov", toy.fail, needs=("pool",)))
    run_job(toy.make_job(tmp_path, stages), workers=1)
    status = find_status(toy.make_job(tmp_path, stages))
    assert status.holder is None
    assert status.failed == (
        "stage measure, subject m1, fov a: no shaft in the field of view",
        "stage measure, subject m2, fov a: no shaft in the field of view",
    )
    with hold_lock(tmp_path / "results"):
        assert find_status(toy.make_job(tmp_path, stages)).holder is not None
    repaired = (*toy.STAGES[:2], Stage("measure", 1, "fov", toy.pool_size, needs=("pool",)))
    run_job(toy.make_job(tmp_path, repaired), workers=1)
    assert find_status(toy.make_job(tmp_path, repaired)).failed == ()
