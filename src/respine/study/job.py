"""A list of stages on the recordings of a study: the run itself, whatever the stages are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from respine.core.settings import StageSettings
from respine.study.cache import Kept
from respine.study.fingerprint import Fingerprints
from respine.study.graph import Graph, Source, Stage, Task, plan_tasks
from respine.study.lock import hold_lock
from respine.study.perform import Order, SessionTime
from respine.study.progress import Watch
from respine.study.provenance import describe_run
from respine.study.results import Results
from respine.study.schedule import Progress, run_tasks
from respine.study.workers import open_workers


@dataclass(frozen=True)
class Job:
    """What is to be run.

    Parameters
    ----------
    name : str
        Of the study.
    folder : Path
        Of the study.
    stages : tuple of Stage
    sources : tuple of Source
        In the order in which subjects, fields and sessions are to be handed to a stage.
    sessions : tuple of SessionTime
    settings : mapping of str to model
        By section; what is not given has its defaults.
    seed : int
    """

    name: str
    folder: Path
    stages: tuple[Stage, ...]
    sources: tuple[Source, ...]
    sessions: tuple[SessionTime, ...] = ()
    settings: Mapping[str, StageSettings] = field(default_factory=dict)
    seed: int = 0

    def all_settings(self) -> dict[str, StageSettings]:
        """Return the settings of every section that a stage takes."""
        models = {section: model for stage in self.stages for section, model in stage.settings.items()}
        return {section: self.settings.get(section) or model() for section, model in models.items()}

    def order(self, graph: Graph, task: Task, kept: Mapping[Task, Kept]) -> Order:
        """Return the order of a task, once all that it needs is kept."""
        # The workers of a cluster start in folders of their own.
        folder = self.folder.absolute()
        stage = graph.stages[task.stage]
        settings = self.all_settings()
        return Order(
            stage,
            task,
            {name: tuple((need, kept[need]) for need in group) for name, group in graph.needs[task].items()},
            graph.sources[task],
            {section: settings[section] for section in stage.settings},
            tuple(s for s in self.sessions if task.subject in (None, s.subject)) if stage.times else (),
            self.seed,
            folder,
            Results(folder).cache.folder,
        )


def fingerprint_sources(job: Job) -> tuple[Job, Fingerprints]:
    """Return the job with the hashes of its recordings, and the memory of them.

    Raises
    ------
    ReadError
        A recording is not there or cannot be read.
    """
    prints = Fingerprints(job.folder, Results(job.folder).folder / "cache" / "hashes.json")
    read = {kind for stage in job.stages for kind in stage.reads}
    taken = tuple(prints.take(source) if source.kind in read else source for source in job.sources)
    return replace(job, sources=taken), prints


def run_job(
    job: Job, workers: int | None = None, scheduler: str | None = None, watch: Watch | None = None
) -> tuple[Graph, Progress]:
    """Run what has not been run, and write the tables and the provenance.

    A table is written when all its rows are there. One that misses rows because a task failed is deleted, so that
    what lies in `tables` always belongs together.

    Parameters
    ----------
    job : Job
    workers, scheduler
        See `open_workers`.
    watch : callable, optional
        Called with the graph and a task after every task.

    Returns
    -------
    graph : Graph
    progress : Progress
        What was done, reused, and what failed.

    Raises
    ------
    RunLockedError
        Another run works on the study.
    ReadError
        A recording is not there or cannot be read.
    """
    results = Results(job.folder)
    results.cache.folder.mkdir(parents=True, exist_ok=True)
    with hold_lock(results.folder):
        started = datetime.now(UTC)
        results.cache.drop_unfinished()
        job, prints = fingerprint_sources(job)
        prints.remember()
        graph = plan_tasks(job.stages, job.sources)
        progress = Progress()
        if watch:
            progress.changed = lambda task: watch(graph, task)
        with open_workers(workers, scheduler) as executor:
            run_tasks(graph, lambda task, kept: job.order(graph, task, kept), executor, progress)
        _write_tables(results, graph, progress)
        ended = datetime.now(UTC)
        read = tuple(source for source in job.sources if source.sha256)
        results.write_provenance(
            describe_run(job.name, graph, read, job.all_settings(), job.seed, progress, started, ended)
        )
    return graph, progress


def _write_tables(results: Results, graph: Graph, progress: Progress) -> None:
    tasks: dict[str, list[Task]] = {}
    for task in graph.tasks:
        for name in graph.stages[task.stage].tables:
            tasks.setdefault(name, []).append(task)
    for name in set(results.table_names()) - set(tasks):
        results.drop_table(name)
    for name, group in tasks.items():
        if any(task not in progress.kept for task in group):
            results.drop_table(name)
            continue
        rows = [results.cache.load(task.stage, progress.kept[task].key)[name] for task in group]
        filled = [frame for frame in rows if len(frame)] or rows[:1]
        results.write_table(name, pd.concat(filled, ignore_index=True))
