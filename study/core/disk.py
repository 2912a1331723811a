"""A disk that is full or may not be written to, wherever it is met, as one line instead of a traceback."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from study.core.errors import StudyError

ROOM = "make room there, and write the same command again: what was finished is kept"
RIGHTS = "let this user write there, and write the same command again: what was finished is kept"
REMEDIES = {errno.ENOSPC: ROOM, errno.EDQUOT: ROOM, errno.EROFS: RIGHTS, errno.EACCES: RIGHTS, errno.EPERM: RIGHTS}


@contextmanager
def explain_disk() -> Iterator[None]:
    """What a disk refuses inside, and nobody has explained better, becomes one StudyError that names the place."""
    try:
        yield
    except OSError as error:
        remedy = REMEDIES.get(error.errno or 0)
        if remedy is None:
            raise
        place = os.fsdecode(error.filename) if error.filename else os.getcwd()
        raise StudyError(place, f"takes nothing more ({os.strerror(error.errno or 0)})", remedy) from error
