"""Result tables as grids of cells, with the meaning of every column from its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from respine.core.tables import TABLES
from respine.report.cells import (
    MINUS,
    Cell,
    hours_cell,
    is_missing,
    missing_cell,
    number_cell,
    share_cell,
    show_hours,
    text_cell,
)
from respine.report.content import ReportContent

UNITS = {"1": "", "um": "µm", "1/um": "1/µm", "degree": "°", "grey level": "grey"}


@dataclass(frozen=True)
class Head:
    """The head of a column: its label, and its meaning as a tooltip."""

    label: str
    meaning: str
    kind: str = "number"


@dataclass(frozen=True)
class Line:
    """A row of a grid; `tags` are what the page's filters look at."""

    cells: tuple[Cell, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grid:
    """A table on the page: a caption, heads with meanings, rows of cells."""

    caption: str
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]


Maker = Callable[[dict], Cell]


def make_grid(
    caption: str,
    rows: Sequence[dict],
    columns: Sequence[tuple[Head, Maker]],
    tags: Callable[[dict], Mapping[str, str]] = lambda row: {},
) -> Grid:
    """Return a grid with one line a row; a column of reasons is added where a row has one."""
    columns = list(columns)
    if any(not is_missing(row.get("reason")) for row in rows):
        columns.append((Head("reason", "why a measure of this row is missing", "text"), _reason_cell))
    lines = tuple(Line(tuple(maker(row) for _, maker in columns), tags(row)) for row in rows)
    return Grid(caption, tuple(head for head, _ in columns), lines)


def _reason_cell(row: dict) -> Cell:
    return Cell("") if is_missing(row.get("reason")) else text_cell(row["reason"])


def head_of(table: str, column: str, label: str = "") -> Head:
    """Return the head of a declared column, with its declared meaning and unit."""
    declared = next(c for c in TABLES[table].columns if c.name == column)
    unit = UNITS.get(declared.unit, declared.unit)
    label = label or column.removesuffix("_um").removesuffix("_per").removesuffix("_deg").replace("_", " ")
    kind = "number" if declared.kind in ("integer", "number") else "text"
    return Head(f"{label} ({unit})" if unit else label, f"{column}: {declared.meaning}", kind)


def _plain(table: str, column: str, label: str = "") -> tuple[Head, Maker]:
    head = head_of(table, column, label)
    make = number_cell if head.kind == "number" else text_cell
    return head, lambda row: make(row[column], row.get("reason"))


def _share(table: str, column: str, part: Callable[[dict], object]) -> tuple[Head, Maker]:
    return head_of(table, column), lambda row: share_cell(row[column], part(row), row["n_first"], row.get("reason"))


def _survivors(row: dict) -> object:
    return pd.NA if is_missing(row["n_first"]) or is_missing(row["lost"]) else row["n_first"] - row["lost"]


def _turnover_cell(row: dict) -> Cell:
    cell = share_cell(row["turnover"], pd.NA, row["n_first"], row.get("reason"))
    if any(is_missing(row[c]) for c in ("gained", "lost", "n_first")):
        return cell
    detail = f"{row['gained']} + {row['lost']} of 2 × {row['n_first']}"
    return Cell(cell.text, detail, cell.sort, cell.missing, "number")


def _net_cell(row: dict) -> Cell:
    cell = share_cell(row["net"], pd.NA, row["n_first"], row.get("reason"))
    if any(is_missing(row[c]) for c in ("gained", "lost", "n_first")):
        return cell
    change = int(row["gained"] - row["lost"])
    detail = f"{MINUS if change < 0 else ''}{abs(change)} of {row['n_first']}"
    return Cell(cell.text, detail, cell.sort, cell.missing, "number")


def session_cell(content: ReportContent, column: str) -> Maker:
    """Return a maker of cells that name a session with its phase and time, sorted by time."""
    known = {(str(r["subject"]), str(r["session"])): r for r in content.sessions.to_dict("records")}

    def make(row: dict) -> Cell:
        found = known.get((row["subject"], row[column]))
        if found is None or is_missing(found["time_h"]):
            return text_cell(row[column])
        phase = "" if is_missing(found["phase"]) else f"{found['phase']}, "
        return Cell(str(row[column]), phase + show_hours(float(found["time_h"])), float(found["time_h"]))

    return make


def rate_columns(content: ReportContent, table: str) -> list[tuple[Head, Maker]]:
    """Return the columns that `turnover` and `turnover_by_subject` share."""
    return [
        (head_of(table, "session_first", "from"), session_cell(content, "session_first")),
        (head_of(table, "session_last", "to"), session_cell(content, "session_last")),
        (head_of(table, "interval_h", "interval"), lambda row: hours_cell(row["interval_h"], row.get("reason"))),
        _share(table, "formation", lambda row: row["gained"]),
        _share(table, "elimination", lambda row: row["lost"]),
        (head_of(table, "turnover"), _turnover_cell),
        (head_of(table, "net"), _net_cell),
        _share(table, "survival_fraction", _survivors),
        _plain(table, "n_first", "first"),
        _plain(table, "gained"),
        _plain(table, "lost"),
        _plain(table, "n_last", "last"),
        _plain(table, "n_scorable", "scorable sites"),
        _plain(table, "n_unscorable", "not scorable"),
    ]


def subject_columns(content: ReportContent) -> list[tuple[Head, Maker]]:
    """Return the animal and its factors."""
    factors = [str(c) for c in content.subjects.columns if c != "subject"]
    known = {str(r["subject"]): r for r in content.subjects.to_dict("records")}
    columns: list[tuple[Head, Maker]] = [
        (Head("subject", "subject: the animal", "text"), lambda row: text_cell(row["subject"]))
    ]
    for factor in factors:
        columns.append(
            (
                Head(factor, f"{factor}: of the animal, from subjects.csv", "text"),
                lambda row, factor=factor: text_cell(known.get(row["subject"], {}).get(factor), "not in subjects.csv"),
            )
        )
    return columns


def pair_tags(row: dict) -> Mapping[str, str]:
    """Mark the rows between consecutive sessions."""
    return {"consecutive": "1" if row["consecutive"] else "0"}


def subject_rates_grid(content: ReportContent) -> Grid:
    """Return the rates of every animal between every two sessions."""
    name = "turnover_by_subject"
    columns = [*subject_columns(content), *rate_columns(content, name), _plain(name, "n_dendrites", "dendrites")]
    rows = content.tables[name].to_dict("records")
    return make_grid("Formation and elimination of every animal, raw counts", rows, columns, pair_tags)


def dendrite_rates_grid(content: ReportContent, rows: Sequence[dict], caption: str) -> Grid:
    """Return the rates of one dendrite."""
    return make_grid(caption, rows, rate_columns(content, "turnover"), pair_tags)


def density_cell(row: dict, length: str = "length_um") -> Cell:
    """Return a density with the spines and the length behind it."""
    cell = number_cell(row["density_per_um"], row.get("reason"))
    if is_missing(row["n_present"]) or is_missing(row[length]):
        return cell
    detail = f"{row['n_present']} on {number_cell(row[length]).text} µm"
    return Cell(cell.text, detail, cell.sort, cell.missing, "number")


def subject_density_grid(content: ReportContent) -> Grid:
    """Return the density of every animal in every session."""
    name = "density_by_subject"
    columns = [
        *subject_columns(content),
        (head_of(name, "session"), session_cell(content, "session")),
        _plain(name, "n_scorable", "scorable sites"),
        _plain(name, "n_present", "spines seen"),
        _plain(name, "length_um", "length"),
        (head_of(name, "density_per_um", "density"), density_cell),
        _plain(name, "n_dendrites", "dendrites"),
        _plain(name, "density_mean_of_dendrites_per_um", "mean of dendrites"),
    ]
    return make_grid("Density of every animal, raw counts", content.tables[name].to_dict("records"), columns)


def quality_grids(content: ReportContent, kinds: Mapping[tuple[str, str, str], str]) -> tuple[Grid, Grid]:
    """Return alignment and image quality of every session.

    Parameters
    ----------
    kinds : mapping
        What stands out in a session, by (subject, fov, session).
    """
    name = "registration"

    def verdict(row: dict) -> Cell:
        said = kinds.get((row["subject"], row["fov"], row["session"]), "")
        if said:
            return Cell(said, sort=f"1 {said}", kind="warn" if row["scorable"] else "bad")
        return Cell("reference" if row["is_reference"] else "fine", sort="2", kind="good")

    def of_alignment(column: str, label: str = "") -> tuple[Head, Maker]:
        def make(row: dict) -> Cell:
            if is_missing(row[column]) and row["is_reference"]:
                return missing_cell("the reference session is aligned to itself")
            return number_cell(row[column], row.get("reason"))

        return head_of(name, column, label), make

    who = [
        _plain(name, "subject"),
        _plain(name, "fov"),
        (head_of(name, "session"), session_cell(content, "session")),
        (Head("verdict", "what a reader should know about this session", "text"), verdict),
    ]
    alignment = [
        *(of_alignment(c) for c in ("residual_um", "residual_z_um")),
        of_alignment("matched_fraction", "matched"),
        *(of_alignment(f"shift_{axis}_um") for axis in "zyx"),
        *(of_alignment(c) for c in ("rotation_deg", "warp_um")),
    ]
    image = [
        *(_plain(name, c) for c in ("brightness", "background", "snr", "noise_gain", "noise_floor")),
        *(_plain(name, c) for c in ("sharpness_um", "slice_jitter_um", "bleaching", "unevenness")),
    ]
    rows = content.tables[name].to_dict("records")
    return (
        make_grid("Alignment of every session to the reference session of its field of view", rows, who + alignment),
        make_grid("Image quality of every session", rows, who + image),
    )


def dendrite_grid(content: ReportContent, rows: Sequence[dict], caption: str) -> Grid:
    """Return length, brightness and density of one dendrite in every session.

    Parameters
    ----------
    rows : sequence of dict
        Rows of `dendrites`, each with `n_scorable`, `n_present`, `density_per_um` and, as `counted_um`, `length_um`
        of its row in `density`.
    """
    name = "dendrites"
    columns = [
        (head_of(name, "session"), session_cell(content, "session")),
        *(_plain(name, c) for c in ("length_um", "inside_um", "radius_um", "brightness", "depth_um")),
        _plain("density", "n_scorable", "scorable sites"),
        (head_of("density", "density_per_um", "density"), lambda row: density_cell(row, "counted_um")),
    ]
    return make_grid(caption, rows, columns)
