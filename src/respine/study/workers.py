"""Who does the work: this process, a cluster on this machine sized to its cores and memory, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from respine import __version__
from respine.core.errors import InputError

# What a worker needs for a stack of 70 x 1024 x 1024 in 16 bit, with room to spare.
MEMORY_PER_WORKER_GB = 2.0


class SerialExecutor(Executor):
    """Calls at once, in this process, with the same face as a pool."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future:
        """Call the function and return a finished future."""
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as in any executor, the caller of the future sees it
            future.set_exception(error)
        return future


def count_workers() -> int:
    """How many workers this machine has cores and memory for, at least one; a container's limits count."""
    from dask.system import CPU_COUNT
    from distributed.system import MEMORY_LIMIT

    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT / 1e9 / MEMORY_PER_WORKER_GB)))


@contextmanager
def open_workers(workers: int | None = None, scheduler: str | None = None) -> Iterator[Executor]:
    """Open the workers of a run and close them after it.

    Parameters
    ----------
    workers : int, optional
        How many; by default as many as the machine has cores and memory for. With one, no cluster is started.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see the same study folder; `workers` is not used then.

    Notes
    -----
    The workers of this machine are fresh Python processes that import the main module: a script that calls this
    does so under `if __name__ == "__main__":`.

    Raises
    ------
    InputError
        Fewer than one worker, no scheduler answers at the address, or its workers have another version of respine.
    """
    if workers is not None and workers < 1:
        raise InputError(f"a run needs at least 1 worker; found {workers}")
    count = workers or (1 if scheduler else count_workers())
    if scheduler is None and count == 1:
        yield SerialExecutor()
        return
    import logging

    from distributed import Client, LocalCluster
    from distributed.system import MEMORY_LIMIT

    if scheduler is None:
        with (
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                memory_limit=MEMORY_LIMIT / count,
                # Any free port: the fixed one would warn when two studies run at once.
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor(pure=False)
        return
    try:
        client = Client(scheduler)
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        _check_versions(client)
        yield client.get_executor(pure=False)


def _check_versions(client: Any) -> None:
    # A worker that cannot read its orders dies and is started again, for ever: better to say so now.
    for address, about in client.get_versions(packages=["respine"])["workers"].items():
        found = about["packages"].get("respine")
        if found != __version__:
            raise InputError(
                f"the worker {address} has respine {found or 'not installed'}; this run is of version {__version__}"
            )
