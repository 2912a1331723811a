"""What a model's folder holds, as a digest: whatever transformers may read of it, in whichever kind of file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

CHUNK = 1 << 24  # bytes that are read at once
# Prose, which nothing loads, and what Python leaves behind when it runs a model's own code.
UNREAD, LEFT_BEHIND = (".md",), ("__pycache__",)
FIRST = (".json", ".safetensors")  # at the top, first of all: a folder of nothing else keeps the mark it always had


def of_folder(folder: Path, salt: bytes, published: bool = False) -> str:
    """Sixteen hex digits that change with the name or the content of any file that loading may read.

    Every file counts, those of subfolders and behind links too, but hidden ones and prose; times of change do not.
    Of a `published` folder, whose every file was checked as it came, the weights and settings stand for all.
    """
    digest = hashlib.sha256(salt)
    counted = [name for name in files(folder) if not published or _order(name)[0] < len(FIRST)]
    for name in sorted(counted, key=_order):
        digest.update(name.encode())
        digest.update(bytes.fromhex(of_file(folder / name)))
    return digest.hexdigest()[:16]


def files(folder: Path) -> list[str]:
    """The paths, relative to the folder, of the files that loading may read."""
    return [name for name in _within(folder, "", frozenset()) if Path(name).suffix.lower() not in UNREAD]


def of_file(path: Path) -> str:
    """The SHA-256 of a file's content, read again only when the file has changed."""
    stat = path.stat()
    return _content(str(path.resolve()), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@lru_cache(maxsize=4096)
def _content(path: str, *_: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _within(folder: Path, prefix: str, above: frozenset[str]) -> Iterator[str]:
    """Files below the folder, by relative path; a link to a folder above it is not followed."""
    above |= {os.path.realpath(folder)}
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name in LEFT_BEHIND:
            continue
        if entry.is_file():
            yield prefix + entry.name
        elif entry.is_dir() and os.path.realpath(entry.path) not in above:
            yield from _within(Path(entry.path), f"{prefix}{entry.name}/", above)


def _order(name: str) -> tuple[int, str]:
    """A sort key that puts the weights and settings at the top of the folder first."""
    kind = Path(name).suffix
    return (FIRST.index(kind) if "/" not in name and kind in FIRST else len(FIRST)), name
