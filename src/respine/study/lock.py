"""One run at a time on a study.

The lock is the operating system's lock on a file, so a process that dies in whatever way gives it back. Who holds it
stands in a second file, for the message alone.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from respine.core.errors import RunLockedError


@dataclass(frozen=True)
class Holder:
    """The process that runs a study."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@contextmanager
def hold_lock(results: Path) -> Iterator[None]:
    """Hold the lock of a study while the block runs.

    Parameters
    ----------
    results : Path
        The results folder of the study; must exist.

    Raises
    ------
    RunLockedError
        Another run holds it; the message says who and since when.
    """
    lock = FileLock(results / "run.lock")
    try:
        # A moment's patience: asking who holds the lock takes it for as long as the question.
        lock.acquire(timeout=1)
    except Timeout as error:
        raise RunLockedError(
            f"{results.parent}: another run works on this study ({_read_holder(results) or 'it has just started'}); "
            "wait until it has ended, or end it"
        ) from error
    try:
        holder = Holder(os.getpid(), socket.gethostname(), datetime.now(UTC).isoformat(" ", "seconds"))
        _holder_file(results).write_text(json.dumps(asdict(holder)))
        yield
    finally:
        _holder_file(results).unlink(missing_ok=True)
        lock.release()


def find_holder(results: Path) -> Holder | None:
    """Return who runs the study at this moment, None where nobody does."""
    if not _holder_file(results).exists():
        return None
    lock = FileLock(results / "run.lock")
    try:
        with lock.acquire(timeout=0):
            return None
    except Timeout:
        return _read_holder(results)


def _holder_file(results: Path) -> Path:
    return results / "run.json"


def _read_holder(results: Path) -> Holder | None:
    try:
        return Holder(**json.loads(_holder_file(results).read_text()))
    except (OSError, ValueError):
        return None
