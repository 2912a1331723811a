"""Modules that will be wanted, imported while this process would wait for another one."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


@contextmanager
def import_beside(names: Iterable[str]) -> Iterator[None]:
    """While open, a thread imports the modules of these names one by one; the last one is waited for.

    Whoever opens it imports nothing meanwhile: two threads that import may wait for each other. Where a module cannot
    be imported, whoever wants it will say so.
    """
    over = Event()
    thread = Thread(target=_import, args=(names, over), name="imports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _import(names: Iterable[str], over: Event) -> None:
    for name in names:
        if over.is_set():
            return
        with suppress(Exception):
            importlib.import_module(name)
