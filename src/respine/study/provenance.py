"""Where every number came from: inputs with hashes, settings, versions, seed and times."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

from respine import __version__
from respine.core.settings import StageSettings
from respine.study.graph import Graph, Source, Task
from respine.study.schedule import Failure, Progress

# Whose version can change a number of the structural pipeline.
_PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "scikit-image",
    "networkx",
    "tifffile",
    "imagecodecs",
    "zarr",
    "pandas",
    "pyarrow",
)


def describe_run(
    name: str,
    graph: Graph,
    sources: tuple[Source, ...],
    settings: Mapping[str, StageSettings],
    seed: int,
    progress: Progress,
    started: datetime,
    ended: datetime,
) -> dict[str, Any]:
    """Describe a run in plain values, for `provenance.json`."""
    return {
        "study": name,
        "respine": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {package: version(package) for package in _PACKAGES},
        "seed": seed,
        "started": started.isoformat(timespec="seconds"),
        "ended": ended.isoformat(timespec="seconds"),
        "inputs": [_describe_source(source) for source in sources],
        "settings": {section: model.model_dump(mode="json") for section, model in settings.items()},
        "stages": {stage.name: stage.version for stage in graph.stages.values()},
        "tasks": [_describe_task(progress, task) for task in graph.tasks if task in progress.kept],
        "failed": [_describe_failure(failure) for failure in progress.failures],
        "not_run": [str(task) for task in progress.blocked(graph)],
    }


def _describe_source(source: Source) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "subject": source.subject,
        "fov": source.fov,
        "session": source.session,
        "path": source.path,
        "sha256": source.sha256,
        "bytes": source.n_bytes,
        **dict(source.details),
    }


def _describe_failure(failure: Failure) -> dict[str, str]:
    return {
        "task": str(failure.task),
        "message": str(failure),
        "traceback": "".join(traceback.format_exception(failure.error)),
    }


def _describe_task(progress: Progress, task: Task) -> dict[str, Any]:
    kept = progress.kept[task]
    return {
        "stage": task.stage,
        "subject": task.subject,
        "fov": task.fov,
        "session": task.session,
        "key": kept.key,
        "sha256": kept.digest,
        "made": kept.made_at,
        "seconds": kept.seconds,
        "cpu_seconds": kept.cpu_seconds,
        "bytes": kept.n_bytes,
        "reused": task in progress.reused,
    }
