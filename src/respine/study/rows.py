"""The rows of subjects.csv, sessions.csv and recordings.csv, each judged by one model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, create_model

from respine.study.csv_table import NOT_A_VALUE, CsvTable, Row, read_csv_table
from respine.study.definition import Name, Strict
from respine.study.problem import Problem, row_field, suggest

SUBJECTS, SESSIONS, RECORDINGS = "subjects.csv", "sessions.csv", "recordings.csv"

Kind = Literal["structure", "dendrites", "calcium", "tail_suspension", "sucrose_preference", "y_maze", "label"]
FIELD_KINDS = ("structure", "dendrites", "label", "calcium")
"""Kinds that are recorded at a field of view."""

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SubjectRow(Strict):
    """A row of subjects.csv, less its factors and covariates."""

    subject: Name


class SessionRow(Strict):
    """A row of sessions.csv."""

    subject: Name
    session: Name
    time_h: _Finite
    phase: Name | None = None


class RecordingRow(Strict):
    """A row of recordings.csv."""

    subject: Name
    session: Name
    kind: Kind
    path: str
    fov: Name | None = None
    channel: str | None = None
    voxel_z_um: _Positive | None = None
    voxel_y_um: _Positive | None = None
    voxel_x_um: _Positive | None = None
    frame_rate_hz: _Positive | None = None
    start_s: _Finite | None = None


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Rows(Generic[Model]):
    """The rows of a table.

    Parameters
    ----------
    good : list of (int, model, dict)
        Line, row and other cells of each row that fits its model.
    every : list of (int, object)
        Line and fields of every row, None where a field is missing or wrong: one mistake of a row hides no other, and
        is not said again of every row that refers to it.
    problems : list of Problem
    """

    good: list[tuple[int, Model, dict[str, str]]]
    every: list[tuple[int, Any]]
    problems: list[Problem]


def read_rows(folder: Path, file: str, model: type[Model]) -> Rows[Model]:
    """Read a table of the study into models."""
    fields = model.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    table = read_csv_table(folder / file, required, [name for name in fields if name not in required])
    return _judge(file, table, model, list(table.problems))


def read_subjects(folder: Path, factors: Mapping[str, tuple[str, ...]]) -> Rows[SubjectRow]:
    """Read subjects.csv, whose columns besides `subject` are factors, with known levels, and covariates."""
    table = read_csv_table(folder / SUBJECTS, ["subject", *factors], None)
    problems = list(table.problems)
    for row in table.rows:
        for factor in (f for f in factors if f in table.columns):
            level, where = row.cells.get(factor), row_field(row.line, factor)
            if level is None:
                problems.append(Problem(SUBJECTS, where, "nothing", "one of: " + ", ".join(factors[factor])))
            elif level not in factors[factor]:
                problems.append(Problem(SUBJECTS, where, f"unknown level {level!r}", suggest(level, factors[factor])))
        covariates = [c for c in row.cells if c not in (*factors, "subject")]
        problems += _not_values(SUBJECTS, row, covariates)
    return _judge(SUBJECTS, table, SubjectRow, problems)


def _judge(file: str, table: CsvTable, model: type[Model], problems: list[Problem]) -> Rows[Model]:
    good, every = [], []
    for row in table.rows:
        cells = {name: cell for name, cell in row.cells.items() if name in model.model_fields}
        wrong = _not_values(file, row, cells)
        for problem_column in [problem.where.rpartition(", ")[2] for problem in wrong]:
            del cells[problem_column]
        if table.decimal_comma:
            numbers = [name for name in cells if "float" in str(model.model_fields[name].annotation)]
            cells |= {name: cells[name].replace(",", ".") for name in numbers}
        try:
            item = model.model_validate(cells)
            if not wrong:
                others = {name: cell for name, cell in row.cells.items() if name not in cells}
                good.append((row.line, item, others))
        except ValidationError as error:
            known = {problem.where for problem in wrong}
            for entry in error.errors():
                where = row_field(row.line, str(entry["loc"][0]))
                found = repr(entry["input"]) if entry["type"] != "missing" else "nothing"
                cells.pop(str(entry["loc"][0]), None)
                # A column that the table lacks has been named once; not again in every row.
                if where not in known and entry["loc"][0] in table.columns:
                    wrong.append(Problem(file, where, found, _expected(entry)))
            item = _lenient(model).model_validate(cells)
        problems += wrong
        every.append((row.line, item))
    return Rows(good, every, problems)


@cache
def _lenient(model: type[BaseModel]) -> type[BaseModel]:
    """Make a model of the same fields, none of them needed; what is wrong has been taken out before."""
    fields = {name: (field.annotation | None, None) for name, field in model.model_fields.items()}
    return create_model(f"Lenient{model.__name__}", **fields)


def _not_values(file: str, row: Row, columns: Collection[str]) -> list[Problem]:
    return [
        Problem(file, row_field(row.line, c), repr(row.cells[c]), "a value, or an empty cell where there is none")
        for c in columns
        if row.cells[c].lower() in NOT_A_VALUE
    ]


def _expected(item: dict) -> str:
    if item["type"] == "missing":
        return "a value"
    if item["type"] == "float_parsing":
        return "a number"
    if item["type"] == "greater_than":
        return f"a number above {item['ctx']['gt']:g}"
    if item["type"] == "literal_error":
        return "one of: " + item["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    return item["msg"].removeprefix("Value error, ")
