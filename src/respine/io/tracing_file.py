"""What the files of tracings have in common: their lines, their numbers, and the one kind of message."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import ReadError


def tracing_error(path: Path, line: int, found: str, expected: str) -> ReadError:
    """Make the message for a wrong line of a file."""
    return ReadError(f"{path}, line {line}: found {found}; expected {expected}")


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Lines that are not blank, without spaces at their ends, with their numbers from 1.

    Raises
    ------
    ReadError
        There is no such file, it is no text, or nothing stands in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: found bytes that are no text; expected UTF-8 text") from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be opened ({error.strerror})") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise ReadError(f"{path}: found an empty file; expected a tracing")
    return lines


def number_at(path: Path, line: int, name: str, text: str) -> float:
    """The finite number that a field holds."""
    try:
        value = float(text)
    except ValueError as error:
        raise tracing_error(path, line, f"{name} {text!r}", "a number") from error
    if not math.isfinite(value):
        raise tracing_error(path, line, f"{name} {text!r}", "a finite number")
    return value


def radius_at(path: Path, line: int, name: str, text: str) -> float:
    """The radius that a field holds; 0 stands for a radius that nobody measured."""
    value = number_at(path, line, name, text)
    if value < 0:
        raise tracing_error(path, line, f"{name} {text!r}", "a radius of 0 or more")
    return value


def parents_first(tracing: Tracing) -> Iterator[Dendrite]:
    """Dendrites in their order, except that each comes after its parent.

    A circle of parents, which no tree has, is entered where it comes first.
    """
    done: set[str] = set()
    for dendrite in tracing:
        above = []
        while dendrite is not None and dendrite.name not in done:
            done.add(dendrite.name)
            above.append(dendrite)
            dendrite = None if dendrite.parent is None else tracing[dendrite.parent]
        yield from reversed(above)
