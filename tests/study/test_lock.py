"""Two runs at once are refused by name; a lock of a dead process is none."""

import json
import os
import socket
import subprocess
import sys

import pytest

from respine.core.errors import RunLockedError
from respine.study.lock import Holder, find_holder, hold_lock

HOLD = """
import sys, time
from pathlib import Path
from respine.study.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_and_told_who_runs(tmp_path, other):
    since = json.loads((tmp_path / "run.json").read_text())["since"]
    with pytest.raises(RunLockedError) as caught, hold_lock(tmp_path):
        pass
    assert str(caught.value) == (
        f"{tmp_path.parent}: another run works on this study (process {other.pid} on {socket.gethostname()}, "
        f"since {since}); wait until it has ended, or end it"
    )
    assert find_holder(tmp_path) == Holder(other.pid, socket.gethostname(), since)


def test_a_lock_of_a_killed_process_does_not_block(tmp_path, other):
    other.kill()
    other.wait()
    assert (tmp_path / "run.json").exists()
    assert find_holder(tmp_path) is None
    with hold_lock(tmp_path):
        assert find_holder(tmp_path).pid == os.getpid()
    assert find_holder(tmp_path) is None


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path):
        raise ZeroDivisionError
    with hold_lock(tmp_path):
        pass


def test_a_holder_that_has_not_written_its_name_yet_still_holds(tmp_path):
    with hold_lock(tmp_path):
        (tmp_path / "run.json").write_text("{")
        with (
            pytest.raises(RunLockedError, match=r"works on this study \(it has just started\); wait"),
            hold_lock(tmp_path),
        ):
            pass
