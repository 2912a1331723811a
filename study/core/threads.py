"""How many threads products of matrices take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """While open, NumPy and SciPy compute on one thread, as far as they are imported; decorates a function, too.

    Matrices of a few hundred rows wait for threads longer than they compute, and take cores from what trains meanwhile.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
