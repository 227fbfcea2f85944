"""One thing that is wrong with a study folder, and how to say it on one line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """What was found where, and what was expected.

    Parameters
    ----------
    file : str
        The file, relative to the study folder.
    where : str
        The row (counted as an editor does, the header being row 1), the field, or both; "" for the whole file.
    found, expected : str
    level : {"error", "warning"}
        An error stops a run; a warning does not.
    """

    file: str
    where: str
    found: str
    expected: str
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}, {self.where}" if self.where else self.file
        sign = "" if self.level == "error" else "warning: "
        return f"{sign}{place}: found {self.found}; expected {self.expected}"


def row_field(row: int, column: str | None = None) -> str:
    """Name a row, or a field of it."""
    return f"row {row}" if column is None else f"row {row}, {column}"


def suggest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """List what is known, the most similar first where a slip of the keyboard is likely."""
    close = get_close_matches(word, known, n=1)
    if close:
        return f"{close[0]!r} (known: {', '.join(known)})"
    return "one of: " + ", ".join(known) if known else "none: none is declared"
