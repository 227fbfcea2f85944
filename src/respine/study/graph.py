"""What there is to do: stages, the tasks that they make of a study, and which task needs which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from respine.core.errors import InputError
from respine.core.settings import StageSettings

LEVELS = ("study", "subject", "fov", "session")


@dataclass(frozen=True)
class Source:
    """A recording as the runner sees it.

    Parameters
    ----------
    kind, subject, fov, session : str
        What it is and where it belongs; `fov` and `session` are empty where the kind has none.
    path : str
        As the study names it, relative to the study's folder or absolute.
    details : tuple of (str, value)
        What the study says about it that the file does not, such as `("voxel_z_um", 1.0)`.
    sha256 : str
        Of its content; empty until it has been fingerprinted.
    stamp : str
        Of its files' sizes and times, to see that it does not change while it is read.
    n_bytes : int
        Size of its content.
    """

    kind: str
    subject: str
    fov: str
    session: str
    path: str
    details: tuple[tuple[str, Any], ...] = ()
    sha256: str = ""
    stamp: str = ""
    n_bytes: int = 0


@dataclass(frozen=True)
class Stage:
    """A step of the analysis.

    Parameters
    ----------
    name : str
    version : int
        Raised when the same inputs and settings would give another output.
    per : str
        What one task of it covers: `study`, `subject`, `fov` or `session`.
    function : callable
        Takes the `Inputs` of a task, returns a value that `codec` keeps.
    needs : tuple of str
        The stages whose outputs it takes.
    reads : tuple of str
        The kinds of recording that it opens.
    settings : mapping of str to model
        The sections of `study.toml` that it takes.
    over : str
        The kind of recording whose subjects, fields and sessions make its tasks.
    tables : tuple of str
        The result tables that it gives rows to; its function then returns a mapping of their names to rows.
    times : bool
        Whether it takes the times of the sessions.
    random : bool
        Whether it takes a random generator.
    cost : float
        About how many seconds one session takes, for the time left.
    """

    name: str
    version: int
    per: str
    function: Callable[[Any], Any]
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    settings: Mapping[str, type[StageSettings]] = field(default_factory=dict)
    over: str = "structure"
    tables: tuple[str, ...] = ()
    times: bool = False
    random: bool = False
    cost: float = 1.0


@dataclass(frozen=True)
class Task:
    """One stage on one study, subject, field of view or session; None where it covers all of them."""

    stage: str
    subject: str | None = None
    fov: str | None = None
    session: str | None = None

    def __str__(self) -> str:
        words = [f"stage {self.stage}"]
        words += [f"{level} {getattr(self, level)}" for level in LEVELS[1:] if getattr(self, level) is not None]
        return ", ".join(words)

    def covers(self, other: Task | Source) -> bool:
        """Whether the other lies within this one, or this one within the other."""
        pairs = ((getattr(self, level), getattr(other, level)) for level in LEVELS[1:])
        return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)


@dataclass(frozen=True)
class Graph:
    """The tasks of a study in an order in which they can run, and the tasks that each one needs."""

    stages: Mapping[str, Stage]
    needs: Mapping[Task, Mapping[str, tuple[Task, ...]]]
    sources: Mapping[Task, tuple[Source, ...]]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task, those it needs before it."""
        return tuple(self.needs)


def plan_tasks(stages: Iterable[Stage], sources: Sequence[Source]) -> Graph:
    """Make the tasks of a study.

    Parameters
    ----------
    stages : iterable of Stage
        Each after those that it needs.
    sources : sequence of Source
        In the order in which subjects, fields and sessions are to be handed to a stage.

    Raises
    ------
    InputError
        A stage needs one that does not come before it, has an unknown level, or a name repeats.
    """
    known: dict[str, Stage] = {}
    tasks: dict[str, list[Task]] = {}
    needs: dict[Task, dict[str, tuple[Task, ...]]] = {}
    read: dict[Task, tuple[Source, ...]] = {}
    for stage in stages:
        absent = [name for name in stage.needs if name not in known]
        if absent or stage.per not in LEVELS or stage.name in known:
            raise InputError(
                f"stage {stage.name}: its name must be new, its level one of {', '.join(LEVELS)} (found {stage.per}) "
                f"and what it needs come before it (missing: {', '.join(absent) or 'none'})"
            )
        known[stage.name] = stage
        tasks[stage.name] = _tasks_of(stage, sources)
        for task in tasks[stage.name]:
            needs[task] = {name: tuple(t for t in tasks[name] if task.covers(t)) for name in stage.needs}
            read[task] = tuple(s for s in sources if s.kind in stage.reads and task.covers(s))
    return Graph(known, needs, read)


def _tasks_of(stage: Stage, sources: Sequence[Source]) -> list[Task]:
    levels = LEVELS[1 : LEVELS.index(stage.per) + 1]
    found = {
        Task(stage.name, **{level: getattr(source, level) for level in levels}): None
        for source in sources
        if source.kind == stage.over
    }
    return list(found)
