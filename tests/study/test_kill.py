"""A run that is killed at whatever moment continues, and ends with the same bytes as one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from respine.study.job import run_job
from respine.study.lock import find_holder

PROGRAM = Path(__file__).with_name("toy_study.py")
SLOW_S = 0.05


def outcome(folder):
    results = folder / "results"
    files = [*(results / "tables").iterdir(), *(results / "cache").rglob("*.out")]
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in files}


def start(folder, workers):
    command = [sys.executable, PROGRAM, folder, str(workers), str(SLOW_S)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def has_begun(folder):
    return (folder / "results" / "run.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_continues(tmp_path, toy, workers):
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    whole.mkdir()
    torn.mkdir()
    run_job(toy.make_job(whole, slow_s=SLOW_S), workers=1)
    chance = random.Random(workers)
    kills = 0
    for _ in range(6 if workers == 1 else 3):
        process = start(torn, workers)
        while process.poll() is None and not has_begun(torn):
            time.sleep(0.005)
        # A run in one process is through in half a second; a cluster needs some seconds to come up.
        wait_s = chance.uniform(0, 0.6 if workers == 1 else 4.0)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        # The system gave the lock back with the process.
        assert find_holder(torn / "results") is None
        (torn / "results" / "run.json").unlink(missing_ok=True)
    assert kills > 0
    assert start(torn, workers).wait() == 0
    assert outcome(torn) == outcome(whole)
    unfinished = torn / "results" / "cache" / "unfinished"
    assert not unfinished.exists() or list(unfinished.iterdir()) == []


def test_what_a_killed_run_left_is_swept_up_and_never_taken_for_an_output(tmp_path, toy):
    run_job(toy.make_job(tmp_path), workers=1)
    before = outcome(tmp_path)
    cache = tmp_path / "results" / "cache"
    # Killed between the two renames, and while writing.
    about = next((cache / "pool").glob("*.json"))
    about.unlink()
    about.with_suffix(".out").write_bytes(b"half")
    (cache / "unfinished").mkdir(exist_ok=True)
    (cache / "unfinished" / "x.out").write_bytes(b"half")
    (tmp_path / "results" / "tables" / "density_by_subject.new").write_bytes(b"half")
    _, progress = run_job(toy.make_job(tmp_path), workers=1)
    assert [task.stage for task in progress.kept if task not in progress.reused] == ["pool"]
    assert outcome(tmp_path) == before
    assert list((cache / "unfinished").iterdir()) == []
