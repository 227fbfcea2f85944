"""Tables as people write them: CSV from an editor or a spreadsheet, read into rows that know where they stood.

Accepted: UTF-8 with or without a byte-order mark; comma, semicolon or tab between cells (told from the header); a
decimal comma where the semicolon separates; any line ending; blank lines; lines that start with #. Everything else is
named.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from respine.study.problem import Problem, row_field, suggest

NOT_A_VALUE = {"nan", "na", "n/a", "#n/a", "#na", "#value!", "#div/0!", "#ref!", "inf", "-inf", "+inf"}


@dataclass(frozen=True)
class Row:
    """A row: its line in the file, and its cells by column; an empty cell is left out."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class CsvTable:
    """The rows of a file and what is wrong with it as a table."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    decimal_comma: bool = False


def read_csv_table(path: Path, required: Sequence[str], optional: Sequence[str] | None) -> CsvTable:
    """Read a table; never raises for what is in the file, but says it in `problems`.

    Parameters
    ----------
    path : Path
    required : sequence of str
        Columns that must be there.
    optional : sequence of str or None
        Columns that may be there; None where any may.
    """
    text, problem = _read_text(path)
    if problem is not None:
        return CsvTable((), (), (problem,))
    separator = _separator(text)
    lines, problems = [], []
    # Comments are blanked, not dropped, so that the lines keep their numbers.
    kept = "".join("\n" if line.startswith("#") else line for line in io.StringIO(text, newline=None))
    reader = csv.reader(io.StringIO(kept, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) and not stripped[0].startswith("#"):  # a spreadsheet puts comments into quotes
                lines.append((reader.line_num, stripped))
    except csv.Error as error:
        problems.append(Problem(path.name, row_field(reader.line_num), f"a broken line ({error})", "valid CSV"))
    if not lines:
        problems.append(Problem(path.name, "", "no header", "the columns " + ", ".join(required)))
        return CsvTable((), (), tuple(problems))
    header = lines[0][1]
    while header and not header[-1]:  # a spreadsheet leaves empty columns behind
        header.pop()
    problems = _header_problems(path.name, lines[0][0], header, required, optional) + problems
    rows = []
    for number, cells in lines[1:]:
        if any(cells[len(header) :]) or len(cells) < len(header):
            problems.append(Problem(path.name, row_field(number), f"{len(cells)} cells", f"{len(header)}"))
            continue
        rows.append(Row(number, {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}))
    return CsvTable(tuple(header), tuple(rows), tuple(problems), separator == ";")


def _read_text(path: Path) -> tuple[str, Problem | None]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return "", Problem(path.name, "", "no such file", "a table")
    except OSError as error:
        return "", Problem(path.name, "", f"a file that cannot be opened ({error.strerror})", "a readable table")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", Problem(path.name, "", "UTF-16 text", "UTF-8 (in a spreadsheet: save as CSV UTF-8)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"byte {data[error.start]:#04x}, which is no UTF-8"
        return "", Problem(path.name, row_field(line), found, "UTF-8 (in a spreadsheet: save as CSV UTF-8)")
    if "\0" in text:
        return "", Problem(path.name, row_field(text[: text.index("\0")].count("\n") + 1), "a zero byte", "text")
    return text, None


def _separator(text: str) -> str:
    header = next((line for line in text.splitlines() if line.strip() and not line.lstrip('"').startswith("#")), "")
    return max(",;\t", key=header.count)


def _header_problems(
    file: str, line: int, header: list[str], required: Sequence[str], optional: Sequence[str] | None
) -> list[Problem]:
    known = [*required, *(optional or ())]
    problems = []
    for number, name in enumerate(header, 1):
        where = row_field(line, f"column {number}")
        if not name:
            problems.append(Problem(file, where, "a column without a name", "a name"))
        elif name in header[: number - 1]:
            problems.append(Problem(file, where, f"the column {name} a second time", "each column once"))
        elif optional is not None and name not in known:
            problems.append(Problem(file, where, f"unknown column {name!r}", suggest(name, known)))
    for name in required:
        if name not in header:
            problems.append(Problem(file, row_field(line), f"no column {name}", f"the column {name}"))
    return problems
