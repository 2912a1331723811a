"""The interpreter's search for garbage, which takes a tenth of a command's time where libraries come in."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collection() -> Iterator[None]:
    """While open, nothing is searched for cycles; what is there at its end stays, and is not searched later either."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
