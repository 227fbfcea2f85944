"""One thread for the many small products of a fit: more only wait for each other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager:
    """Hold the linear algebra libraries to one thread."""
    return _controller().limit(limits=1, user_api="blas")
