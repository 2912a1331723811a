"""A folder that appears whole or not at all: until it is done, what is written lies beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from study.core.errors import ConfigError
from study.core.processes import is_alive


@contextmanager
def publish(folder: Path) -> Iterator[Path]:
    """While open, a scratch folder; it takes the place of `folder` when nothing goes wrong inside, and else
    disappears.

    What a process left that was killed over the same folder goes too. Raises ConfigError where nothing can be written.
    """
    before = next(p for p in (folder.parent, *folder.parent.parents) if p.exists())
    scratch = folder.parent / f".{folder.name}-{os.getpid()}"
    try:
        _remove_abandoned(folder)
        scratch.mkdir(parents=True)
    except OSError as error:
        rule = f"cannot be written ({error})"
        raise ConfigError(f"out={folder}", rule, "name a folder you may write to") from error
    try:
        with _lock(scratch):
            yield scratch
            for file in (f for f in scratch.rglob("*") if f.is_file()):
                file.chmod(scratch.stat().st_mode & 0o666)  # some libraries write for their user alone
            if folder.exists():
                shutil.rmtree(folder)
            scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        for parent in (folder.parent, *folder.parent.parents):
            if parent == before or any(parent.iterdir()):
                break
            parent.rmdir()
        raise


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Whether this process has the folder, as long as this is open, however the process ends."""
    import fcntl

    opened, free = os.open(folder, os.O_RDONLY), False
    try:
        with suppress(OSError):  # of another process that has it, or of a file system without locks
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        yield free
    finally:
        os.close(opened)


def _remove_abandoned(folder: Path) -> None:
    """Remove scratch folders whose process is no more, neither here nor on another machine that shares the place."""
    start = f".{folder.name}-"
    for other in folder.parent.iterdir() if folder.parent.is_dir() else ():
        process = other.name.removeprefix(start)
        if other.name.startswith(start) and process.isdecimal() and not is_alive(int(process)):
            with _lock(other) as free:
                if free:
                    shutil.rmtree(other)
