"""Whether a process of this machine still is."""

from __future__ import annotations

import os


def is_alive(process: int) -> bool:
    """Whether a process has that number, anybody's."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
