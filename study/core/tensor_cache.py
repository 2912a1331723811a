"""Large tensors that can be computed again, on disk: shared by processes, bounded, checksummed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from study.core.folders import cache_folder

if TYPE_CHECKING:
    import torch

PARTS = 16  # in which processes share the work of filling a large tensor
STAMP, VALUES = "stamp.json", "values"
ABANDONED = 86400  # seconds after which a half filled entry is nobody's

Key = tuple[object, ...]
Fill = Callable[["torch.Tensor", int], None]


class Recall(Protocol):
    """A function with the contract of :meth:`TensorCache.get`, whether it keeps the tensors or not."""

    def __call__(
        self, key: Key, shape: tuple[int, ...], dtype: torch.dtype, fill: Fill, parts: int = 1
    ) -> torch.Tensor:
        """The tensor of that key, which `fill` makes where it is not known."""


@dataclass(frozen=True)
class TensorCache:
    """Tensors by key under one folder, at most `limit` bytes of them, the longest unused out first.

    Guarantees: a tensor is read only when it is whole and its checksum holds, else it is made again;
    several processes that want the same one at once make its parts together; whoever holds a tensor
    keeps it when it is put out.
    """

    limit: int
    folder: Path

    @classmethod
    def of(cls, gigabytes: float) -> TensorCache:
        """The user's own cache, bounded by that many gigabytes (10⁹ bytes)."""
        return cls(int(gigabytes * 1e9), cache_folder() / "tensors")

    def get(self, key: Key, shape: tuple[int, ...], dtype: torch.dtype, fill: Fill, parts: int = 1) -> torch.Tensor:
        """The tensor of that key, mapped from disk; `fill(tensor, part)` writes one of `parts` parts.

        Raises OSError where it does not fit: into `limit`, or onto the disk.
        """
        entry = self.folder / hashlib.sha256(repr((key, shape, str(dtype))).encode()).hexdigest()[:24]
        size = int(np.prod(shape)) * dtype.itemsize
        if size > self.limit:
            raise OSError(f"it takes {size / 1e9:.2f} GB and engine.cache_gb allows {self.limit / 1e9:.2f}")
        for _ in range(2):
            if self._is_whole(entry, size):
                os.utime(entry)  # the time of its last use
                return _map(entry, shape, dtype, shared=False)
            self._reserve(entry, size)
            self._fill(entry, _map(entry, shape, dtype, shared=True), fill, parts)
            self._publish(entry)
        raise OSError(f"{entry / VALUES} was damaged as soon as it was written; is the disk sound?")

    def _is_whole(self, entry: Path, size: int) -> bool:
        """Whether the entry is published and its content is what was published; a damaged one is taken back."""
        from filelock import FileLock

        stamp = _stamp(entry)
        if stamp is None:
            return False
        values = entry / VALUES
        if values.exists() and stamp == {"size": size, "crc": _crc(values)}:
            return True
        with FileLock(entry.with_suffix(".lock")):
            if _stamp(entry) == stamp:  # else another process has taken it back and is filling it again
                shutil.rmtree(entry)
        return False

    def _reserve(self, entry: Path, size: int) -> None:
        """Make room, and claim the disk's blocks: writing to a mapping of a full disk would kill the process."""
        from filelock import FileLock

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # computed of the user's own data
        with FileLock(entry.with_suffix(".lock")):
            if (entry / VALUES).exists():
                return
            self._make_room(size)
            if shutil.disk_usage(self.folder).free < size:
                raise OSError(f"it takes {size / 1e9:.2f} GB and {self.folder} has no such room")
            entry.mkdir(exist_ok=True)
            try:
                _claim(entry / "values.new", size)
            except OSError:
                shutil.rmtree(entry, ignore_errors=True)
                raise
            (entry / "values.new").rename(entry / VALUES)

    def _make_room(self, size: int) -> None:
        idle = sorted(filter(None, map(_idle, os.scandir(self.folder))))
        held = sum(length for _, _, length in idle)
        for _, oldest, length in idle:
            if held + size <= self.limit:
                return
            held -= length
            shutil.rmtree(oldest, ignore_errors=True)

    def _fill(self, entry: Path, values: torch.Tensor, fill: Fill, parts: int) -> None:
        """Every part once; what another process is at is left to it, and done here only if that one dies."""
        from filelock import FileLock, Timeout

        busy = []
        for part in range(parts):
            try:
                with FileLock(entry / f"{part}.lock", timeout=0):
                    _fill_part(entry, values, fill, part)
            except Timeout:
                busy.append(part)
        for part in busy:
            with FileLock(entry / f"{part}.lock"):
                _fill_part(entry, values, fill, part)

    def _publish(self, entry: Path) -> None:
        from filelock import FileLock

        with FileLock(entry.with_suffix(".lock")):
            if (entry / STAMP).exists() or not (entry / VALUES).exists():
                return
            stamp = {"size": (entry / VALUES).stat().st_size, "crc": _crc(entry / VALUES)}
            scratch = entry / "stamp.new"
            scratch.write_text(json.dumps(stamp), encoding="utf-8")
            scratch.replace(entry / STAMP)


def forget(key: Key, shape: tuple[int, ...], dtype: torch.dtype, fill: Fill, parts: int = 1) -> torch.Tensor:
    """A Recall that makes the tensor in memory and keeps nothing."""
    import torch

    out = torch.empty(shape, dtype=dtype)
    for part in range(parts):
        fill(out, part)
    return out


def with_prefix(recall: Recall, *prefix: object) -> Recall:
    """The same Recall, with `prefix` before every key."""

    def get(key: Key, shape: tuple[int, ...], dtype: torch.dtype, fill: Fill, parts: int = 1) -> torch.Tensor:
        return recall((*prefix, *key), shape, dtype, fill, parts)

    return get


def with_fallback(recall: Recall) -> Recall:
    """The same Recall, but where there is no room the tensor is made in memory each time, instead of an OSError."""

    def get(key: Key, shape: tuple[int, ...], dtype: torch.dtype, fill: Fill, parts: int = 1) -> torch.Tensor:
        try:
            return recall(key, shape, dtype, fill, parts)
        except OSError:
            return forget(key, shape, dtype, fill, parts)

    return get


def _claim(path: Path, size: int) -> None:
    """Make a file of that size whose blocks are its own; OSError where the disk has not so many."""
    with path.open("wb") as file:
        file.truncate(size)
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)


def _fill_part(entry: Path, values: torch.Tensor, fill: Fill, part: int) -> None:
    done = entry / f"{part}.done"
    if not done.exists():
        fill(values, part)
        _flush(entry / VALUES)
        done.touch()


def _stamp(entry: Path) -> dict[str, int] | None:
    """What was published, None where nothing was; one that cannot be read vouches for nothing."""
    try:
        return dict(json.loads((entry / STAMP).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return {}


def _idle(entry: os.DirEntry[str]) -> tuple[float, str, int] | None:
    """When it was last used, its path and its bytes, where nobody is filling it: published, or given up long ago.

    Asked of thousands of entries before each new one, so that no paths are built that need not be.
    """
    try:
        length, used = os.stat(os.path.join(entry.path, VALUES)).st_size, entry.stat().st_mtime
    except OSError:  # no entry, but a lock; or another process has just put it out
        return None
    whole = os.path.exists(os.path.join(entry.path, STAMP))
    return (used, entry.path, length) if whole or time.time() - used > ABANDONED else None


def _map(entry: Path, shape: tuple[int, ...], dtype: torch.dtype, shared: bool) -> torch.Tensor:
    """The values; what is written into them reaches the file only where `shared`."""
    import torch

    count = int(np.prod(shape))
    if not count:
        return torch.empty(shape, dtype=dtype)
    return torch.from_file(str(entry / VALUES), shared=shared, size=count, dtype=dtype).view(shape)


def _flush(path: Path) -> None:
    """What was written through a mapping is on disk when this returns."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 24):
            crc = zlib.crc32(chunk, crc)
    return crc
