"""The study folder, read into one frozen object.

::

    STUDY/
      study.toml        name, factors, phases, settings per stage, contrasts
      subjects.csv      subject, then one column a factor or covariate
      sessions.csv      subject, session, time_h, phase
      recordings.csv    subject, session, kind, fov, path, and what the file does not say itself

Only these four files are read here; what the recordings hold is the business of `respine.study.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from respine.core.errors import StudyError
from respine.study.consistency import in_order, recording_problems, session_problems, subject_problems
from respine.study.definition import FILE, Contrast, StudyDefinition, read_definition, settings_problems
from respine.study.problem import Problem
from respine.study.reach import resolve_path
from respine.study.rows import RECORDINGS, SESSIONS, RecordingRow, Rows, SessionRow, read_rows, read_subjects

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Subject:
    """An animal, with the level of each factor and the value of each covariate (absent where the cell is empty)."""

    subject: str
    values: Mapping[str, str]
    row: int


@dataclass(frozen=True)
class Session:
    """A visit; `time_h` counts from the study's zero, `phase` is the planned time where there is one."""

    subject: str
    session: str
    time_h: float
    phase: str | None
    row: int


@dataclass(frozen=True)
class Recording:
    """A file or folder recorded in a session, with what it does not say itself.

    Parameters
    ----------
    subject, session, kind : str
    fov : str or None
        Field of view; None for behaviour.
    path : Path
        As found from the study folder; it may not exist.
    channel : str or None
        Name or number of the channel.
    voxel_um : tuple of (float or None)
        Size of a voxel (z, y, x), um, where given.
    frame_rate_hz, start_s : float or None
        Frames per second, and start within the session, s.
    row : int
        Row of recordings.csv, the header being row 1.
    """

    subject: str
    session: str
    kind: str
    fov: str | None
    path: Path
    channel: str | None
    voxel_um: tuple[float | None, float | None, float | None]
    frame_rate_hz: float | None
    start_s: float | None
    row: int


@dataclass(frozen=True)
class Study:
    """A study as its four files define it.

    Parameters
    ----------
    folder : Path
    name, description : str
    seed : int
        Seed of every random choice of a run.
    factors : mapping of str to tuple of str
        Levels of each factor, the reference first.
    phases : tuple of str
        Planned times, in order.
    subjects : tuple of Subject
        In the order of the file.
    sessions : tuple of Session
        By subject in the order of subjects.csv, then by time.
    recordings : tuple of Recording
        In the order of the file.
    settings : mapping of str to mapping
        Settings by stage, as written.
    contrasts : tuple of Contrast
    """

    folder: Path
    name: str
    description: str
    seed: int
    factors: Mapping[str, tuple[str, ...]]
    phases: tuple[str, ...]
    subjects: tuple[Subject, ...]
    sessions: tuple[Session, ...]
    recordings: tuple[Recording, ...]
    settings: Mapping[str, Mapping[str, Any]]
    contrasts: tuple[Contrast, ...]

    def sessions_of(self, subject: str) -> tuple[Session, ...]:
        """Sessions of an animal, by time."""
        return tuple(s for s in self.sessions if s.subject == subject)

    def session(self, subject: str, session: str) -> Session:
        """One session.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        for candidate in self.sessions:
            if (candidate.subject, candidate.session) == (subject, session):
                return candidate
        raise KeyError((subject, session))

    def fovs(self, kind: str = "structure") -> tuple[tuple[str, str], ...]:
        """Every (subject, fov) with a recording of a kind, in the order of the file."""
        pairs = ((r.subject, r.fov) for r in self.recordings if r.kind == kind and r.fov is not None)
        return tuple(dict.fromkeys(pairs))

    def recordings_of(self, subject: str, fov: str | None, kind: str = "structure") -> tuple[Recording, ...]:
        """Recordings of one kind of a field of view, by the time of their sessions."""
        found = [r for r in self.recordings if (r.subject, r.fov, r.kind) == (subject, fov, kind)]
        return tuple(sorted(found, key=lambda r: self.session(r.subject, r.session).time_h))

    def stage_settings(self, stage: str, model: type[Model]) -> Model:
        """Settings of a stage as its model, the defaults where the study says nothing.

        Raises
        ------
        StudyError
            A setting is unknown or impossible.
        """
        values = self.settings.get(stage, {})
        problems = settings_problems({stage: values}, {stage: model})
        if problems:
            raise StudyError(problems)
        return model.model_validate(values)


def read_study(folder: str | Path, stages: Mapping[str, type[BaseModel]] | None = None) -> Study:
    """Read a study folder.

    Parameters
    ----------
    folder : path
    stages : mapping of str to model, optional
        Settings model of every stage; where given, unknown stages and impossible settings are problems too.

    Raises
    ------
    StudyError
        The folder has problems; `problems` holds all errors of its four files, in their order.
    """
    study, _, problems = gather_study(folder, stages)
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        raise StudyError(errors)
    return study


def gather_study(
    folder: str | Path, stages: Mapping[str, type[BaseModel]] | None = None
) -> tuple[Study, list[Recording], list[Problem]]:
    """Read what can be read of a study folder, and every problem of its four files, in their order.

    Where there are errors, the study holds the rows that are good by themselves and belong to others that are; the
    recordings are all those whose rows are good by themselves.
    """
    folder = Path(folder)
    definition, problems = read_definition(folder / FILE, stages)
    known = definition is not None
    definition = definition or StudyDefinition(name="?")
    # Without its factors and phases, levels cannot be judged: what follows from a broken study.toml is not said.
    subject_rows = read_subjects(folder, definition.factors)
    problems += in_order(subject_rows.problems + subject_problems(subject_rows))
    subjects: dict[str, Subject] = {}
    for line, row, values in subject_rows.good:
        subjects.setdefault(row.subject, Subject(row.subject, values, line))
    session_rows = read_rows(folder, SESSIONS, SessionRow)
    phases = definition.phases if known else None
    problems += in_order(session_rows.problems + session_problems(session_rows, subject_rows, phases))
    sessions = _sessions(session_rows, list(subjects))
    recording_rows = read_rows(folder, RECORDINGS, RecordingRow)
    recordings = _recordings(folder, recording_rows)
    wrong = recording_problems(folder, recording_rows, subject_rows, session_rows)
    problems += in_order(recording_rows.problems + wrong)
    kept = {(s.subject, s.session) for s in sessions}
    study = Study(
        folder,
        definition.name,
        definition.description,
        definition.seed,
        definition.factors,
        definition.phases,
        tuple(subjects.values()),
        sessions,
        tuple(r for r in recordings if (r.subject, r.session) in kept),
        definition.settings,
        definition.contrasts,
    )
    return study, recordings, problems


def _sessions(rows: Rows[SessionRow], subjects: list[str]) -> tuple[Session, ...]:
    sessions: dict[tuple[str, str], Session] = {}
    for line, row, _ in rows.good:
        if row.subject in subjects:
            key = (row.subject, row.session)
            sessions.setdefault(key, Session(*key, row.time_h, row.phase, line))
    return tuple(sorted(sessions.values(), key=lambda s: (subjects.index(s.subject), s.time_h)))


def _recordings(folder: Path, rows: Rows[RecordingRow]) -> list[Recording]:
    recordings = []
    for line, row, _ in rows.good:
        path = resolve_path(folder, row.path)
        if path is None:
            continue
        recordings.append(
            Recording(
                row.subject,
                row.session,
                row.kind,
                row.fov,
                path,
                row.channel,
                (row.voxel_z_um, row.voxel_y_um, row.voxel_x_um),
                row.frame_rate_hz,
                row.start_s,
                line,
            )
        )
    return recordings
