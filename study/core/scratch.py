"""Temporary files that go with this process, however it ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import util
from pathlib import Path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is there as long as this is open.

    It lies where the socket of this process's fork server does, which removes both where this process is killed.
    """
    private = util.get_temp_dir()
    os.makedirs(private, mode=0o700, exist_ok=True)  # a cleaner of old files may have taken it
    with tempfile.TemporaryDirectory(dir=private) as folder:
        yield Path(folder)
