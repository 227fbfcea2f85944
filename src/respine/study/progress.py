"""A bar with the time left while a study runs; nothing where nobody watches."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from respine.study.graph import Graph, Task

Watch = Callable[[Graph, Task], None]
"""Called after every task that was done, reused or failed."""


class ProgressBar:
    """A bar on the terminal, weighted by what the stages cost; silent when the output is not a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar = None

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, graph: Graph, task: Task) -> None:
        """Advance the bar by a task."""
        if self._bar is None:
            total = sum(_cost(graph, each) for each in graph.tasks)
            self._bar = self._progress.add_task("", total=total)
        self._progress.update(self._bar, advance=_cost(graph, task), description=str(task))


def _cost(graph: Graph, task: Task) -> float:
    """About how many seconds a task takes: a task over a field of view handles all its sessions."""
    parts = max((len(group) for group in graph.needs[task].values()), default=1)
    return graph.stages[task.stage].cost * max(parts, 1)
