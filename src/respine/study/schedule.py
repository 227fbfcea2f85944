"""The order of work: a task starts when all that it needs is there, and a failure stops only what hangs on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from dataclasses import dataclass, field

import cloudpickle

from respine.core.errors import RespineError
from respine.study.cache import Cache, Kept
from respine.study.graph import Graph, Task
from respine.study.perform import Order, perform_packed


@dataclass(frozen=True)
class Failure:
    """A task that failed, and why."""

    task: Task
    error: BaseException

    def __str__(self) -> str:
        kind = "" if isinstance(self.error, RespineError) else f"{type(self.error).__name__}: "
        return f"{self.task}: {kind}{self.error}"


@dataclass
class Progress:
    """How far a run has come; `changed` is called after every task."""

    kept: dict[Task, Kept] = field(default_factory=dict)
    reused: set[Task] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    changed: Callable[[Task], None] = field(default=lambda _: None)

    def blocked(self, graph: Graph) -> tuple[Task, ...]:
        """Return the tasks that neither ran nor failed: those that hang on one that failed."""
        failed = {failure.task for failure in self.failures}
        return tuple(t for t in graph.tasks if t not in self.kept and t not in failed)


def run_tasks(
    graph: Graph,
    order_of: Callable[[Task, Mapping[Task, Kept]], Order],
    executor: Executor,
    progress: Progress,
) -> None:
    """Perform every task that can be performed; what happened is in `progress` afterwards.

    Parameters
    ----------
    graph : Graph
    order_of : callable
        Makes the order of a task from the outputs so far.
    executor : Executor
    progress : Progress
        Filled as the work goes on.
    """
    waiting = list(graph.tasks)
    running: dict[Future, Task] = {}
    while waiting or running:
        started = False
        for task in list(waiting):
            if any(need not in progress.kept for group in graph.needs[task].values() for need in group):
                continue
            waiting.remove(task)
            started = True
            order = order_of(task, progress.kept)
            found = Cache(order.cache).find(task.stage, order.key)
            if found:
                progress.kept[task] = found
                progress.reused.add(task)
                progress.changed(task)
            else:
                future = executor.submit(perform_packed, cloudpickle.dumps(order))
                if future.done():
                    _settle(future, task, progress)
                else:
                    running[future] = task
        if running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _settle(future, running.pop(future), progress)
        elif not started:
            return


def _settle(future: Future, task: Task, progress: Progress) -> None:
    try:
        error = future.exception()
    except CancelledError as lost:
        error = lost
    if error is None:
        progress.kept[task] = future.result()
    else:
        progress.failures.append(Failure(task, error))
    progress.changed(task)
