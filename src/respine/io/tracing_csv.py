"""Tracings as tables: CSV with the columns dendrite, z_um, y_um, x_um, radius_um, one point a row, in order.

A column `parent` may name the dendrite that one leaves from. Cells are separated by commas, semicolons (then numbers
may have a decimal comma) or tabs, told from the header. Lines that start with # are comments.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from respine.core.dendrite import Dendrite, Tracing
from respine.core.errors import ReadError
from respine.core.geometry import arc_length_um
from respine.io.tracing_file import number_at, radius_at, read_lines, tracing_error

_POINT = ("z_um", "y_um", "x_um")
_REQUIRED = ("dendrite", *_POINT, "radius_um")
_OPTIONAL = ("parent",)


def read_tracing_csv(path: str | Path) -> Tracing:
    """Read a tracing from a CSV file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Tracing
        Dendrites in the order in which they first occur.

    Raises
    ------
    ReadError
        The file cannot be read or is not such a table; the message names file, line, found and expected.
    """
    path = Path(path)
    rows = _read_rows(path)
    groups: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in rows:
        groups.setdefault(row["dendrite"], []).append((line, row))
    parents = {name: _parent(path, name, group, groups) for name, group in groups.items()}
    _refuse_circles(path, parents, groups)
    return Tracing(tuple(_dendrite(path, name, group, parents[name]) for name, group in groups.items()))


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    lines = [(line, text) for line, text in read_lines(path) if not text.startswith("#")]
    header = lines[0][1] if lines else ""
    separator = max(",;\t", key=header.count)
    columns = _cells(header, separator)
    first = lines[0][0] if lines else 1
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in (*_REQUIRED, *_OPTIONAL)]
    if missing or unknown or len(set(columns)) < len(columns):
        raise tracing_error(path, first, f"the columns {', '.join(columns)}", f"the columns {', '.join(_REQUIRED)}")
    rows = []
    for line, text in lines[1:]:
        cells = _cells(text, separator)
        if len(cells) != len(columns):
            raise tracing_error(path, line, f"{len(cells)} cells", f"{len(columns)} as in the header")
        row = dict(zip(columns, cells, strict=True))
        if not row["dendrite"]:
            raise tracing_error(path, line, "no name in the column dendrite", "the name of a dendrite")
        if separator == ";":
            row |= {name: row[name].replace(",", ".") for name in (*_POINT, "radius_um")}
        rows.append((line, row))
    if not rows:
        raise ReadError(f"{path}: found a header and no rows; expected a tracing")
    return rows


def _cells(text: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]


def _parent(path: Path, name: str, group: list, groups: dict) -> str | None:
    first_line, first_row = group[0]
    parent = first_row.get("parent") or None
    for line, row in group[1:]:
        if (row.get("parent") or None) != parent:
            found = f"the parent {row['parent']!r} of dendrite {name}"
            raise tracing_error(path, line, found, f"{parent or ''!r} as on line {first_line}")
    if parent is not None and parent not in groups:
        raise tracing_error(path, first_line, f"the parent {parent!r} of dendrite {name}", "a dendrite of this file")
    return parent


def _refuse_circles(path: Path, parents: dict[str, str | None], groups: dict) -> None:
    for name in parents:
        above, seen = parents[name], {name}
        while above is not None and above not in seen:
            seen.add(above)
            above = parents[above]
        if above == name:
            raise tracing_error(path, groups[name][0][0], f"dendrite {name} among its own ancestors", "a tree")


def _dendrite(path: Path, name: str, group: list, parent: str | None) -> Dendrite:
    points = np.array([[number_at(path, line, column, row[column]) for column in _POINT] for line, row in group])
    radii = np.array([radius_at(path, line, "radius_um", row["radius_um"]) for line, row in group])
    line = group[-1][0]
    if len(points) < 2:
        raise tracing_error(path, line, f"the only point of dendrite {name}", "at least two points a dendrite")
    if arc_length_um(points)[-1] <= 0:
        raise tracing_error(path, line, f"dendrite {name}, whose points all coincide", "one with a length")
    return Dendrite(name, points, radii, parent)


def write_tracing_csv(tracing: Tracing, path: str | Path) -> None:
    """Write a tracing as CSV with all its names and parents; coordinates keep four decimals."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*_REQUIRED, *_OPTIONAL))
        for dendrite in tracing:
            for point, radius in zip(dendrite.points_um, dendrite.radius_um, strict=True):
                numbers = [f"{value:.4f}" for value in (*point, radius)]
                writer.writerow((dendrite.name, *numbers, dendrite.parent or ""))
