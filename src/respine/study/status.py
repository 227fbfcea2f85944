"""How far a study has come."""

from __future__ import annotations

from dataclasses import dataclass

from respine.study.graph import Task, plan_tasks
from respine.study.job import Job, fingerprint_sources
from respine.study.lock import Holder, find_holder
from respine.study.results import Results


@dataclass(frozen=True)
class StageStatus:
    """How many tasks of a stage there are, and how many are done for what the study holds now."""

    stage: str
    total: int
    done: int


@dataclass(frozen=True)
class StudyStatus:
    """The stages in order, who runs the study at this moment, and what failed in the last run."""

    stages: tuple[StageStatus, ...]
    holder: Holder | None
    failed: tuple[str, ...]


def find_status(job: Job) -> StudyStatus:
    """Compare what is kept with what the study asks for now; changes nothing.

    Raises
    ------
    ReadError
        A recording is not there or cannot be read.
    """
    results = Results(job.folder)
    job, _ = fingerprint_sources(job)
    graph = plan_tasks(job.stages, job.sources)
    kept = {}
    for task in graph.tasks:
        if all(need in kept for group in graph.needs[task].values() for need in group):
            found = results.cache.find(task.stage, job.order(graph, task, kept).key)
            if found:
                kept[task] = found
    stages = tuple(
        StageStatus(name, len(tasks), sum(task in kept for task in tasks))
        for name in graph.stages
        for tasks in [[task for task in graph.tasks if task.stage == name]]
    )
    return StudyStatus(stages, find_holder(results.folder), _failed(results, kept))


def _failed(results: Results, kept: dict[Task, object]) -> tuple[str, ...]:
    """Return the failures of the last run that have not been made good since."""
    if not (results.folder / "provenance.json").exists():
        return ()
    done = {str(task) for task in kept}
    return tuple(f["message"] for f in results.read_provenance()["failed"] if f["task"] not in done)
