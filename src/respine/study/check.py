"""Every problem of a study folder at once: its four files, and what the recordings hold.

A run needs a study without errors; warnings are for the reader. Recordings of kinds other than `structure`, `label` and
`dendrites` are only looked up here: what they hold is judged by the stage that reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from respine.study.check_stacks import check_stacks
from respine.study.check_tracings import check_tracings
from respine.study.consistency import in_order
from respine.study.definition import FILE
from respine.study.manifest import Recording, Study, gather_study
from respine.study.problem import Problem, row_field
from respine.study.rows import RECORDINGS, SESSIONS, SUBJECTS

_FILES = (FILE, SUBJECTS, SESSIONS, RECORDINGS)
_STACKS, _TRACING = ("structure", "label"), "dendrites"


def check_study(
    folder: str | Path, stages: Mapping[str, type[BaseModel]] | None = None, *, pixels: bool = True
) -> list[Problem]:
    """Find every problem of a study folder.

    Parameters
    ----------
    folder : path
    stages : mapping of str to model, optional
        Settings model of every stage, to hold `[settings.<stage>]` against.
    pixels : bool
        Whether to decode the pixels of the stacks once, where damage or a NaN can hide in them; without it only the
        headers and the layout of the files are read.

    Returns
    -------
    list of Problem
        In the order of the files, and of the rows in each. Empty for a good study.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "no such folder" if not folder.exists() else "a file"
        return [Problem(str(folder), "", found, "a study folder; `respine new` writes one")]
    study, recordings, problems = gather_study(folder, stages)
    if all(problem.level == "warning" for problem in problems):  # else much seems unused that only is misspelt
        problems = problems + _unused(study)
    problems = problems + _missing(recordings) + _alone(recordings)
    found, extents_um = check_stacks(folder, [r for r in recordings if r.kind in _STACKS], pixels=pixels)
    problems += found + check_tracings(folder, [r for r in recordings if r.kind == _TRACING], extents_um)
    return [problem for file in _FILES for problem in in_order([p for p in problems if p.file == file])]


def _missing(recordings: list[Recording]) -> list[Problem]:
    """Name the recordings that are not there; those that are opened here say so themselves."""
    problems = []
    for recording in recordings:
        if recording.kind in (*_STACKS, _TRACING):
            continue
        try:
            recording.path.stat()
        except OSError as error:
            found = f"nothing readable at {recording.path} ({error.strerror})"
            problems.append(Problem(RECORDINGS, row_field(recording.row, "path"), found, "a file or folder"))
    return problems


def _alone(recordings: list[Recording]) -> list[Problem]:
    """Name what belongs to a z-stack of its field of view where there is none."""
    structure = {(r.subject, r.fov) for r in recordings if r.kind == "structure"}
    problems = []
    for r in recordings:
        if r.kind in ("dendrites", "label") and r.fov is not None and (r.subject, r.fov) not in structure:
            found = f"{r.kind} of fov {r.fov} of {r.subject}, which has no structure"
            problems.append(Problem(RECORDINGS, row_field(r.row, "fov"), found, "a structure recording of it"))
    return problems


def _unused(study: Study) -> list[Problem]:
    """Name what is declared and has nothing: levels, phases, subjects, sessions, and fovs seen only once."""

    def warn(file: str, where: str, found: str, expected: str) -> Problem:
        return Problem(file, where, found, expected, "warning")

    problems = []
    for factor, levels in study.factors.items():
        used = {subject.values.get(factor) for subject in study.subjects}
        for level in levels if study.subjects else ():
            if level not in used:
                problems.append(warn(FILE, f"factors.{factor}", f"no subject with {level!r}", "at least one"))
    phases = {session.phase for session in study.sessions}
    for phase in study.phases if study.sessions else ():
        if phase not in phases:
            problems.append(warn(FILE, "phases", f"no session of {phase!r}", "at least one"))
    seen = {session.subject for session in study.sessions}
    for subject in study.subjects if study.sessions else ():
        if subject.subject not in seen:
            found = f"no session of {subject.subject}"
            problems.append(warn(SUBJECTS, row_field(subject.row), found, "at least one"))
    recorded = {(r.subject, r.session) for r in study.recordings}
    for session in study.sessions if study.recordings else ():
        if (session.subject, session.session) not in recorded:
            found = f"no recording of {session.subject} {session.session}"
            problems.append(warn(SESSIONS, row_field(session.row), found, "at least one"))
    for subject, fov in study.fovs():
        rows = study.recordings_of(subject, fov)
        if len(rows) < 2:
            found = f"one session of fov {fov} of {subject}"
            problems.append(warn(RECORDINGS, row_field(rows[0].row), found, "at least two, to follow spines"))
    return problems
