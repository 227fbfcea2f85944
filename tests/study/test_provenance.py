"""The provenance answers where a number came from, and verifies against the files."""

import hashlib
from datetime import datetime
from importlib.metadata import version

import pytest

import respine
from respine.study.graph import Stage
from respine.study.job import run_job
from respine.study.results import Results


@pytest.fixture
def about(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    return Results(tmp_path).read_provenance()


def test_inputs_are_named_with_the_hash_of_their_content(about, tmp_path):
    assert len(about["inputs"]) == 6
    for entry in about["inputs"]:
        content = (tmp_path / entry["path"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["bytes"] == len(content)
    assert {k: about["inputs"][0][k] for k in ("kind", "subject", "fov", "session", "slow_s")} == {
        "kind": "structure",
        "subject": "m1",
        "fov": "a",
        "session": "s0",
        "slow_s": 0.0,
    }


def test_versions_and_times(about):
    assert about["respine"] == respine.__version__
    assert about["packages"]["numpy"] == version("numpy")
    assert datetime.fromisoformat(about["started"]) <= datetime.fromisoformat(about["ended"])


def test_an_output_has_the_hash_that_is_named(about, tmp_path):
    for task in about["tasks"]:
        path = tmp_path / "results" / "cache" / task["stage"] / f"{task['key']}.out"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == task["sha256"]
        assert path.stat().st_size == task["bytes"]


def test_only_what_a_stage_reads_is_an_input(tmp_path, toy):
    job = toy.make_job(tmp_path)
    movie = toy.Source("calcium", "m1", "a", "s0", "not there.tif")
    run_job(toy.make_job(tmp_path, sources=(*job.sources, movie)), workers=1)
    assert len(Results(tmp_path).read_provenance()["inputs"]) == 6


def test_a_failure_has_its_traceback(tmp_path, toy):
    run_job(toy.make_job(tmp_path, (Stage("load", 1, "study", toy.fail, reads=("structure",)),)), workers=1)
    ((failed,), tasks) = (Results(tmp_path).read_provenance()[key] for key in ("failed", "tasks"))
    assert failed["task"] == "stage load"
    assert failed["message"] == "stage load: no shaft in the field of view"
    assert failed["traceback"].startswith("Traceback (most recent call last):")
    assert tasks == []
