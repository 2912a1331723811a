"""What kills the worker that it is given to, in a module that a worker's process can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from study.config.members import Member
from study.config.schema import Configuration
from study.launch import Worker


class Poison:
    """Kills the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


@dataclass(frozen=True)
class Waylaid:
    """Does something to each of the first `times` processes that unpickle it, and is the configuration from then on.

    The file grows by one byte each time.
    """

    what: str
    configuration: Configuration
    file: Path
    times: int = 1_000_000

    def __reduce__(self) -> Any:
        return {"stop": stop, "sleep": sleep, "die": perish}[self.what], (self.configuration, self.file, self.times)


def _count(file: Path) -> int:
    with file.open("ab") as attempts:
        attempts.write(b"x")
    return file.stat().st_size


def stop(configuration: Configuration, file: Path, times: int) -> Configuration:
    if _count(file) <= times:
        os.kill(os.getpid(), signal.SIGSTOP)
    return configuration


def sleep(configuration: Configuration, file: Path, times: int) -> Configuration:
    if _count(file) <= times:
        time.sleep(3600)
    return configuration


def perish(configuration: Configuration, file: Path, times: int) -> Configuration:
    if _count(file) <= times:
        os._exit(1)
    return configuration


def stop_worker(worker: Worker) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def waylay(member: Member, what: str, file: Path, times: int = 1_000_000) -> Member:
    """The member, whose worker stops, sleeps or dies so many times."""
    return replace(member, configuration=Waylaid(what, member.configuration, file, times))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Stuck:
    """Keeps the first processes that unpickle it for ever, and is the configuration from then on.

    A file in the folder for each holds its number and its cache folder, in a line each.
    """

    configuration: Configuration
    folder: Path
    times: int = 1

    def __reduce__(self) -> Any:
        return stay, (self.configuration, self.folder, self.times)


def stay(configuration: Configuration, folder: Path, times: int) -> Configuration:
    before = len([*folder.glob("*.stuck")])
    if before < times:
        scratch = folder / f"{before}.new"
        scratch.write_text(f"{os.getpid()}\n{os.environ['LORA_STUDY_CACHE']}")
        scratch.rename(scratch.with_suffix(".stuck"))
        time.sleep(3600)
    return configuration


def process_of(worker: Worker) -> int:
    return os.getpid()


def die(worker: Worker) -> None:
    os._exit(1)
