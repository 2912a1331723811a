"""How many threads products of matrices take."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """While open, NumPy and SciPy compute on one thread, as far as they are imported; decorates a function, too.

    Matrices of a few hundred rows wait for threads longer than they compute, and take cores from what trains meanwhile.
    """
    with _libraries(len(sys.modules)).limit(limits=1):
        yield


@functools.lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The libraries that have threads; to look takes milliseconds, and is done again where modules were imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
