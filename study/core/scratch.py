"""Temporary files that go with this process, however it ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import util
from pathlib import Path

from study.core.errors import ConfigError

LONGEST = 75  # characters of a folder in which multiprocessing makes another, whose socket's path may have 103
SHORT = ("/tmp", "/var/tmp")  # instead of a longer one


def private_folder() -> Path:
    """The folder of this process alone, which is there as long as it is, and in which a socket may lie.

    Raises ConfigError where the user's folder for temporary files has too long a path, and no other is to be had.
    """
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) > LONGEST:
        short = next((folder for folder in SHORT if os.access(folder, os.W_OK | os.X_OK)), None)
        if short is None:
            raise ConfigError(f"TMPDIR={usual}", "is too long a path for a socket", "set TMPDIR to a shorter one")
        tempfile.tempdir = short
    try:
        private = Path(util.get_temp_dir())
    finally:
        tempfile.tempdir = usual
    private.mkdir(mode=0o700, parents=True, exist_ok=True)  # a cleaner of old files may have taken it
    return private


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is there as long as this is open.

    It lies where the socket of this process's fork server does, which removes both where this process is killed.
    """
    with tempfile.TemporaryDirectory(dir=private_folder()) as folder:
        yield Path(folder)
