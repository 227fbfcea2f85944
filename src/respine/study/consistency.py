"""Whether the tables of a study agree with each other and with themselves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise

from respine.study.problem import Problem, row_field, suggest
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


def _repeated(file: str, keys: Sequence[tuple[int, tuple]], what: str) -> list[Problem]:
    """Name every row whose key stood in an earlier row."""
    first: dict[tuple, int] = {}
    problems = []
    for line, key in keys:
        if key in first:
            said = ", ".join(str(part) for part in key if part is not None)
            problems.append(Problem(file, row_field(line), f"{said}, as in row {first[key]}", f"each {what} once"))
        first.setdefault(key, line)
    return problems


def subject_problems(rows: Rows[SubjectRow]) -> list[Problem]:
    """Find what is wrong between the rows of subjects.csv."""
    return _repeated(SUBJECTS, [(line, (row.subject,)) for line, row, _ in rows.good], "subject")


def session_problems(
    rows: Rows[SessionRow], subjects: Rows[SubjectRow], phases: tuple[str, ...] | None
) -> list[Problem]:
    """Find what is wrong between the rows of sessions.csv, and against subjects.csv and the phases where known."""
    problems = _repeated(SESSIONS, [(line, (r.subject, r.session)) for line, r, _ in rows.good], "session of a subject")
    known = _subjects(subjects)
    last: dict[str, tuple[int, SessionRow]] = {}
    times: dict[tuple[str, float], int] = {}
    for line, row, _ in rows.good:
        if known and row.subject not in known:
            found = f"unknown subject {row.subject!r}"
            problems.append(Problem(SESSIONS, row_field(line, "subject"), found, suggest(row.subject, known)))
        if phases is not None and row.phase is not None and row.phase not in phases:
            found = f"unknown phase {row.phase!r}"
            problems.append(Problem(SESSIONS, row_field(line, "phase"), found, suggest(row.phase, phases)))
        same = times.setdefault((row.subject, row.time_h), line)
        if same != line:
            found = f"{row.time_h:g}, the time of row {same}"
            problems.append(Problem(SESSIONS, row_field(line, "time_h"), found, "one session of a subject at a time"))
        before_line, before = last.get(row.subject, (line, row))
        if row.time_h < before.time_h:
            found = f"{row.time_h:g} after {before.time_h:g} in row {before_line}"
            problems.append(
                Problem(SESSIONS, row_field(line, "time_h"), found, "the sessions of a subject by time", "warning")
            )
        last[row.subject] = (line, row)
    return problems + _phase_order_problems([(line, row) for line, row, _ in rows.good], phases or ())


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


def recording_problems(
    rows: Rows[RecordingRow], subjects: Rows[SubjectRow], sessions: Rows[SessionRow]
) -> list[Problem]:
    """Find what is wrong between the rows of recordings.csv, and against the other two tables."""
    known, visits = _subjects(subjects), list(dict.fromkeys(sessions.named))
    problems = []
    for line, row, _ in rows.good:
        if known and row.subject not in known:
            found = f"unknown subject {row.subject!r}"
            problems.append(Problem(RECORDINGS, row_field(line, "subject"), found, suggest(row.subject, known)))
        elif visits and (row.subject, row.session) not in visits:
            own = [session for subject, session in visits if subject == row.subject and session is not None]
            found = f"unknown session {row.session!r} of {row.subject}"
            problems.append(Problem(RECORDINGS, row_field(line, "session"), found, suggest(row.session, own)))
        if row.fov is None and row.kind in FIELD_KINDS:
            expected = f"the field of view of this {row.kind} recording"
            problems.append(Problem(RECORDINGS, row_field(line, "fov"), "nothing", expected))
    single = [(n, r) for n, r, _ in rows.good if r.kind in ("structure", "dendrites")]
    keys = [(n, (r.subject, r.session, r.kind, r.fov)) for n, r in single]
    problems += _repeated(RECORDINGS, keys, "kind of recording of a session and fov")
    keys = [(n, (os.path.normpath(r.path), r.channel, r.kind)) for n, r, _ in rows.good]
    return problems + _repeated(RECORDINGS, keys, "file and channel")


def _subjects(rows: Rows[SubjectRow]) -> list[str]:
    return list(dict.fromkeys(name for name, _ in rows.named if name is not None))
