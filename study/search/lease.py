"""One driver owns a study: a lease in the study's store, which the driver renews for as long as it lives."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.config.schema import StudyConfig
from study.core import status_line, stores
from study.core.errors import StudyError
from study.core.mlflow_pages import ui_command
from study.core.printed_commands import report_line
from study.core.processes import is_alive
from study.search.storage import KEY, existing, storage

if TYPE_CHECKING:
    from sqlalchemy import Engine

TABLE = "lora_study_leases"
BEAT = 5.0  # seconds between two signs of life
STALE = 60.0  # seconds without one, after which an owner is watched and, if it stays silent, replaced
ENDED = "ZX"  # states of a process that is no more but in name: nobody has asked what became of it
WATCHED = 3  # beats for which it is watched: a clock that jumped, or another machine's, proves nothing alone


class StudyTaken(StudyError):
    """A study that another driver owns."""


@dataclass(frozen=True)
class Owner:
    """Who owns a study: `token` names the lease, `beats` counts its signs of life, times are seconds of its clock."""

    token: str
    host: str
    process: int
    born: str
    since: float
    beats: int
    seen: float


class NoLease:
    """Nobody else can reach the study."""

    def check(self) -> None:
        """Raise StudyTaken where another driver owns the study by now."""


class Lease(NoLease):
    """This process's ownership of a study. Guarantees:

    of all that try at once exactly one has it; whoever is refused has changed nothing; an owner that died on this
    machine is replaced at once, one that is silent after :data:`STALE` seconds and while it was watched; an owner that
    was replaced, as a machine that slept, hears of it before it asks, keeps or tells anything more.
    """

    def __init__(self, engine: Engine, config: StudyConfig) -> None:
        self.engine, self.name, self.token = engine, config.study.name, uuid.uuid4().hex
        self.tracking = config.tracking.get("uri")
        self.table, self.lost, self.ended = _table(engine), False, threading.Event()
        self.heard = _clock()  # when the store was last known to name this lease

    def take(self) -> None:
        """Own the study; StudyTaken where another driver does."""
        while not self._insert():
            owner = _owner(self.engine, self.name)
            if owner is not None and not _is_gone(self.engine, self.name, owner):
                raise _refusal(self.name, self.tracking, owner)
            if owner is not None and self._replace(owner):
                break
        threading.Thread(target=self._renew, name="lease", daemon=True).start()

    def release(self) -> None:
        """Let another driver have it; where the store is away, they find out that this one has ended."""
        from sqlalchemy.exc import SQLAlchemyError

        self.ended.set()
        table = self.table
        with suppress(SQLAlchemyError), self.engine.begin() as connection:
            connection.execute(table.delete().where(table.c.study == self.name, table.c.token == self.token))

    def check(self) -> None:
        if not self.lost and _clock() - self.heard > 2 * BEAT:  # the process was stopped, or the store was away
            self._beat()
        if self.lost:
            owner = _owner(self.engine, self.name)
            by = "another driver" if owner is None else _place(owner)
            rule = f"was silent for so long that {by} took the study over"
            raise StudyTaken(f"study.name={self.name}", rule, "finished folds are kept; look on, or wait for its end")

    def _insert(self) -> bool:
        from sqlalchemy.exc import IntegrityError

        try:
            with self.engine.begin() as connection:
                connection.execute(self.table.insert().values(study=self.name, **self._row()))
        except IntegrityError:
            return False
        return True

    def _replace(self, owner: Owner) -> bool:
        """Take the lease from an owner, unless somebody else has been quicker or it has come back to life."""
        table = self.table
        same = (table.c.study == self.name, table.c.token == owner.token, table.c.beats == owner.beats)
        with self.engine.begin() as connection:
            return bool(connection.execute(table.update().where(*same).values(**self._row())).rowcount == 1)

    def _row(self) -> dict[str, Any]:
        now, process = time.time(), os.getpid()
        return {
            "token": self.token, "host": socket.gethostname(), "process": process, "born": _born(process),
            "since": now, "beats": 0, "seen": now,
        }  # fmt: skip

    def _renew(self) -> None:
        """Give signs of life until the lease ends or is somebody else's."""
        from sqlalchemy.exc import SQLAlchemyError

        while not self.ended.wait(BEAT) and not self.lost:
            with suppress(SQLAlchemyError):  # of a store that is busy or away for a moment: the next beat asks again
                self._beat()

    def _beat(self) -> None:
        """Give a sign of life, and find out whether the lease is somebody else's by now."""
        table, now = self.table, _clock()
        mine = (table.c.study == self.name, table.c.token == self.token)
        values = {"beats": table.c.beats + 1, "seen": time.time()}
        with self.engine.begin() as connection:
            self.lost = connection.execute(table.update().where(*mine).values(**values)).rowcount == 0
        self.heard = now


@contextmanager
def hold(config: StudyConfig) -> Iterator[Lease]:
    """While open, this process owns the configuration's study; StudyTaken where another does."""
    with stores.opening(KEY, config.storage.url):
        lease = Lease(storage(config.storage.url).engine, config)
        lease.take()
    try:
        yield lease
    finally:
        lease.release()


def refuse_taken(config: StudyConfig) -> None:
    """Raise StudyTaken where another driver gives signs of life, before anything is begun; takes and makes nothing."""
    from sqlalchemy import inspect

    url = config.storage.url
    if not stores.check(KEY, url, stores.OPTUNA):
        return
    engine = existing(url).engine
    if not inspect(engine).has_table(TABLE):
        return
    owner = _owner(engine, config.study.name)
    if owner is not None and not _is_dead(owner) and abs(time.time() - owner.seen) < STALE:
        raise _refusal(config.study.name, config.tracking.get("uri"), owner)


def _table(engine: Engine) -> Any:
    """The table of leases, made where it is not there; several processes may make it at once."""
    from sqlalchemy.exc import DBAPIError

    table = _columns()
    for pause in stores.PAUSES:
        try:
            table.create(engine, checkfirst=True)
            return table
        except DBAPIError:
            time.sleep(pause)
    table.create(engine, checkfirst=True)
    return table


def _columns() -> Any:
    from sqlalchemy import BigInteger, Column, Float, MetaData, String, Table

    return Table(
        TABLE, MetaData(), Column("study", String(512), primary_key=True), Column("token", String(32)),
        Column("host", String(255)), Column("process", BigInteger), Column("born", String(64)), Column("since", Float),
        Column("beats", BigInteger), Column("seen", Float),
    )  # fmt: skip


def _owner(engine: Engine, name: str) -> Owner | None:
    table = _columns()
    with engine.connect() as connection:
        row = connection.execute(table.select().where(table.c.study == name)).mappings().first()
    return None if row is None else Owner(**{key: value for key, value in row.items() if key != "study"})


def _is_gone(engine: Engine, name: str, owner: Owner) -> bool:
    """Whether the owner has died, or is silent now and has been for long."""
    if _is_dead(owner):
        return True
    if abs(time.time() - owner.seen) < STALE:
        return False
    status_line.say(f"Waiting for a sign of life of {_place(owner)}")
    end = time.monotonic() + WATCHED * BEAT
    while time.monotonic() < end:
        time.sleep(BEAT / 10)
        if _owner(engine, name) != owner:
            return False
    return True


def _is_dead(owner: Owner) -> bool:
    """Whether it was a process of this machine that is no more, or whose number another one has now."""
    if owner.host != socket.gethostname():
        return False
    return not is_alive(owner.process) or (bool(owner.born) and _born(owner.process) != owner.born)


def _born(process: int) -> str:
    """When a process was started, by the kernel's clock; "" where the system does not say it, or it has ended."""
    try:
        state, *facts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in ENDED else facts[18]


def _clock() -> float:
    """Seconds that go on while the machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _refusal(name: str, tracking: str | None, owner: Owner) -> StudyTaken:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(owner.since))
    rule = f"is being run by {_place(owner)} since {since}"
    looks = " or ".join(f"`{look}`" for look in (ui_command(tracking), report_line(name, tracking)) if look)
    remedy = f"look on with {looks}, or wait for its end"
    return StudyTaken(f"study.name={name}", rule, remedy)


def _place(owner: Owner) -> str:
    return f"process {owner.process} on {owner.host}"
