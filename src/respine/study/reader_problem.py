"""What a reader says about a recording, as a problem of the row that names it."""

from __future__ import annotations

from pathlib import Path

from respine.core.errors import InputError, ReadError
from respine.study.manifest import Recording
from respine.study.problem import Problem, row_field
from respine.study.rows import RECORDINGS


def reader_problem(folder: Path, recording: Recording, field: str, error: ReadError | InputError) -> Problem:
    """Take the message of a reader apart; every one says "FILE: found ...; expected ..."."""
    message, _, expected = str(error).partition("; expected ")
    path, is_found, found = message.partition(": found ")
    if is_found:
        found = f"{found} {'at' if found == 'nothing' else 'in'} {name_inside(folder, Path(path))}"
    else:
        path, _, why = message.partition(": ")
        found = f"{name_inside(folder, Path(path))}, which {why}"
    return Problem(RECORDINGS, row_field(recording.row, field), found, expected or "a file that can be read")


def name_inside(folder: Path, path: Path) -> str:
    """Name a file from the study folder where it lies in it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
