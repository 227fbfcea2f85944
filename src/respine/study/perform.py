"""One task, wherever it runs: load its inputs from the disk, call the stage's function, keep what it returns.

An order holds names and hashes only. Stacks and outputs are read from the disk by the worker that needs them and
never travel between processes.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from respine.core.errors import ReadError
from respine.core.settings import StageSettings
from respine.study.cache import Cache, Kept
from respine.study.fingerprint import take_stamp
from respine.study.graph import Source, Stage, Task

# Raised when outputs are kept in another way, so that no older one is read.
_FORMAT = 1


@dataclass(frozen=True)
class SessionTime:
    """A session of a subject: its time from the study's zero, h, and the name of that time."""

    subject: str
    session: str
    time_h: float
    phase: str


@dataclass(frozen=True)
class Order:
    """All that a worker must know to perform a task.

    Parameters
    ----------
    stage : Stage
    task : Task
    inputs : mapping of str to tuple of (Task, Kept)
        The kept outputs that it takes, by stage, in the order of the study.
    sources : tuple of Source
        The recordings that it opens.
    settings : mapping of str to model
    sessions : tuple of SessionTime
        Empty unless the stage takes times.
    seed : int
        The study's.
    study, cache : Path
        The study's folder and that of the kept outputs.
    """

    stage: Stage
    task: Task
    inputs: Mapping[str, tuple[tuple[Task, Kept], ...]]
    sources: tuple[Source, ...]
    settings: Mapping[str, StageSettings]
    sessions: tuple[SessionTime, ...]
    seed: int
    study: Path
    cache: Path

    @property
    def key(self) -> str:
        """Hash of all that the output depends on."""
        facts = {
            "format": _FORMAT,
            "stage": [self.stage.name, self.stage.version],
            "task": str(self.task),
            "inputs": {n: [[str(t), k.digest] for t, k in found] for n, found in self.inputs.items()},
            "sources": [[s.kind, s.subject, s.fov, s.session, s.details, s.sha256] for s in self.sources],
            "settings": {name: model.model_dump(mode="json") for name, model in self.settings.items()},
            "sessions": [[s.subject, s.session, s.time_h, s.phase] for s in self.sessions],
            "seed": self.seed if self.stage.random else None,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]


class Inputs:
    """What the function of a stage is given."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._cache = Cache(order.cache)
        self.task = order.task
        self.sources = order.sources
        self.sessions = order.sessions
        self.study = order.study

    def settings(self, name: str) -> Any:
        """Return a section of the settings."""
        return self._order.settings[name]

    def one(self, stage: str) -> Any:
        """Return the only output of a stage that this task takes."""
        ((task, kept),) = self._order.inputs[stage]
        return self._cache.load(task.stage, kept.key)

    def each(self, stage: str) -> Iterator[tuple[Task, Any]]:
        """Yield the outputs of a stage that this task takes, loading one at a time."""
        for task, kept in self._order.inputs[stage]:
            yield task, self._cache.load(task.stage, kept.key)

    def random(self) -> np.random.Generator:
        """Return a generator that depends on the study's seed and the task alone, not on the order of tasks."""
        words = np.frombuffer(hashlib.sha256(str(self.task).encode()).digest(), np.uint32)
        return np.random.default_rng(np.random.SeedSequence([self._order.seed, *words.tolist()]))


def perform_task(order: Order) -> Kept:
    """Perform a task and keep its output.

    Raises
    ------
    ReadError
        A recording changed while it was read, so that the output belongs to neither version of it.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    start, cpu_start = time.perf_counter(), time.process_time()
    # One thread a worker: sums in another order would give other last digits with another number of workers.
    with threadpool_limits(1):
        value = order.stage.function(Inputs(order))
    for source in order.sources:
        if take_stamp(order.study / source.path) != source.stamp:
            raise ReadError(f"{source.path}: the recording changed while it was read; run again")
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    cache = Cache(order.cache)
    return cache.keep(order.stage.name, order.key, value, made_at, round(seconds, 3), round(cpu_seconds, 3))


def perform_packed(packed: bytes) -> Kept:
    """Perform a pickled order; one that cannot be read is then a failure of its task, not of the worker."""
    return perform_task(pickle.loads(packed))
