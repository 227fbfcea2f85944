"""Whether the tables of a study agree with each other and with themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from respine.study.problem import Problem, row_field, suggest
from respine.study.reach import ALLOWED, resolve_path
from respine.study.rows import (
    FIELD_KINDS,
    RECORDINGS,
    SESSIONS,
    SUBJECTS,
    RecordingRow,
    Rows,
    SessionRow,
    SubjectRow,
)


def in_order(problems: list[Problem]) -> list[Problem]:
    """Sort the problems of one file by row; those of the whole file come first."""

    def row(problem: Problem) -> int:
        first = problem.where.partition(",")[0].removeprefix("row ")
        return int(first) if first.isdecimal() else 0

    return sorted(problems, key=row)


def subject_problems(rows: Rows[SubjectRow]) -> list[Problem]:
    """Find what is wrong between the rows of subjects.csv."""
    return _repeated(SUBJECTS, [(line, (row.subject,)) for line, row in rows.every], "subject")


def session_problems(
    rows: Rows[SessionRow], subjects: Rows[SubjectRow], phases: tuple[str, ...] | None
) -> list[Problem]:
    """Find what is wrong between the rows of sessions.csv, and against subjects.csv and the phases where known."""
    known = _subjects(subjects)
    problems = _repeated(SESSIONS, [(line, (r.subject, r.session)) for line, r in rows.every], "session of a subject")
    for line, row in rows.every:
        problems += _unknown(SESSIONS, line, "subject", row.subject, known)
        if phases is not None:
            problems += _unknown(SESSIONS, line, "phase", row.phase, phases or ("(no phase in study.toml)",))
    timed = [(line, row) for line, row in rows.every if row.subject is not None and row.time_h is not None]
    return problems + _time_problems(timed) + _phase_order_problems(timed, phases or ())


def recording_problems(
    folder: Path, rows: Rows[RecordingRow], subjects: Rows[SubjectRow], sessions: Rows[SessionRow]
) -> list[Problem]:
    """Find what is wrong between the rows of recordings.csv, with their paths, and against the other two tables."""
    known, visits = _subjects(subjects), list(dict.fromkeys((r.subject, r.session) for _, r in sessions.every))
    problems = []
    for line, row in rows.every:
        problems += _unknown(RECORDINGS, line, "subject", row.subject, known)
        if row.subject in known and row.session is not None and visits and (row.subject, row.session) not in visits:
            own = [session for subject, session in visits if subject == row.subject and session is not None]
            found = f"unknown session {row.session!r} of {row.subject}"
            problems.append(Problem(RECORDINGS, row_field(line, "session"), found, suggest(row.session, own)))
        if row.fov is None and row.kind in FIELD_KINDS and not _said(rows, line, "fov"):
            expected = f"the field of view of this {row.kind} recording"
            problems.append(Problem(RECORDINGS, row_field(line, "fov"), "nothing", expected))
        if row.path is not None and resolve_path(folder, row.path) is None:
            problems.append(Problem(RECORDINGS, row_field(line, "path"), repr(row.path), ALLOWED))
    single = [(n, r) for n, r in rows.every if r.kind in ("structure", "dendrites") and r.fov is not None]
    keys = [(n, (r.subject, r.session, r.kind, r.fov)) for n, r in single]
    problems += _repeated(RECORDINGS, keys, "kind of recording of a session and fov")
    keys = [(n, (os.path.normpath(r.path), r.kind, r.channel or "")) for n, r in rows.every if r.path is not None]
    return problems + _repeated(RECORDINGS, keys, "file and channel")


def _subjects(rows: Rows[SubjectRow]) -> list[str]:
    return list(dict.fromkeys(row.subject for _, row in rows.every if row.subject is not None))


def _said(rows: Rows[RecordingRow], line: int, field: str) -> bool:
    return any(problem.where == row_field(line, field) for problem in rows.problems)


def _unknown(file: str, line: int, field: str, value: str | None, known: Sequence[str]) -> list[Problem]:
    if value is None or not known or value in known:
        return []
    return [Problem(file, row_field(line, field), f"unknown {field} {value!r}", suggest(value, tuple(known)))]


def _repeated(file: str, keys: Sequence[tuple[int, tuple]], what: str) -> list[Problem]:
    """Name every row whose key stood in an earlier row."""
    first: dict[tuple, int] = {}
    problems = []
    for line, key in keys:
        if None in key:
            continue
        if key in first:
            said = ", ".join(str(part) for part in key if part)
            problems.append(Problem(file, row_field(line), f"{said}, as in row {first[key]}", f"each {what} once"))
        first.setdefault(key, line)
    return problems


def _time_problems(rows: list[tuple[int, SessionRow]]) -> list[Problem]:
    problems = []
    last: dict[str, tuple[int, SessionRow]] = {}
    times: dict[tuple[str, float], int] = {}
    for line, row in rows:
        same = times.setdefault((row.subject, row.time_h), line)
        if same != line:
            found = f"{row.time_h:g}, the time of row {same}"
            problems.append(Problem(SESSIONS, row_field(line, "time_h"), found, "one session of a subject at a time"))
        before_line, before = last.get(row.subject, (line, row))
        if row.time_h < before.time_h:
            found = f"{row.time_h:g} after {before.time_h:g} in row {before_line}"
            expected = "the sessions of a subject by time"
            problems.append(Problem(SESSIONS, row_field(line, "time_h"), found, expected, "warning"))
        last[row.subject] = (line, row)
    return problems


def _phase_order_problems(rows: list[tuple[int, SessionRow]], phases: tuple[str, ...]) -> list[Problem]:
    problems = []
    planned = [(line, row) for line, row in rows if row.phase in phases]
    for subject in dict.fromkeys(row.subject for _, row in planned):
        by_time = sorted((x for x in planned if x[1].subject == subject), key=lambda x: x[1].time_h)
        for (early_line, early), (line, late) in pairwise(by_time):
            if phases.index(late.phase) < phases.index(early.phase):
                found = f"{late.phase} at {late.time_h:g} h, later than {early.phase} in row {early_line}"
                expected = "the phases in the order of study.toml: " + ", ".join(phases)
                problems.append(Problem(SESSIONS, row_field(line, "phase"), found, expected))
    return problems
