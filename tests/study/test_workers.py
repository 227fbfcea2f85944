"""One worker is this process; a cluster is a cluster; what does not answer is named."""

import os

import dask
import distributed
import pytest

from respine.core.errors import InputError
from respine.study import workers
from respine.study.job import run_job
from respine.study.workers import SerialExecutor, count_workers, open_workers


def test_one_worker_is_this_process():
    with open_workers(1) as executor:
        assert isinstance(executor, SerialExecutor)
        assert executor.submit(os.getpid).result() == os.getpid()


def test_an_error_is_kept_in_the_future():
    future = SerialExecutor().submit(int, "x")
    assert future.done()
    assert isinstance(future.exception(), ValueError)


@pytest.mark.parametrize(("cores", "memory_gb", "expected"), [(8, 64, 8), (8, 7, 3), (2, 1, 1), (1, 64, 1)])
def test_workers_are_as_many_as_cores_and_memory_allow(monkeypatch, cores, memory_gb, expected):
    monkeypatch.setattr("dask.system.CPU_COUNT", cores)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", memory_gb * 1e9)
    assert count_workers() == expected


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_does_not_answer_is_named(address):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.2s"}),
        pytest.raises(InputError, match=f"^no Dask scheduler answers at {address}: "),
        open_workers(scheduler=address),
    ):
        pass


@pytest.mark.slow
def test_a_scheduler_by_its_address(tmp_path, toy):
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        _, progress = run_job(toy.make_job(tmp_path), scheduler=cluster.scheduler_address)
    assert progress.failures == []
    assert len(progress.kept) == 15


class OldCluster:
    """What a client says of workers with another version."""

    def get_versions(self, packages):
        assert packages == ["respine"]
        return {"workers": {"tcp://w1": {"packages": {"respine": "0.0.1"}}}}


def test_workers_of_another_version_are_refused():
    with pytest.raises(InputError, match=r"^the worker tcp://w1 has respine 0\.0\.1; this run is of version "):
        workers._check_versions(OldCluster())
