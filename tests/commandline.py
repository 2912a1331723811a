"""Commands as a shell runs them, in this process where the process is not what is tested: its imports take seconds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess


def call(command: Callable[[list[str]], None], folder: Path, *arguments: str) -> CompletedProcess[str]:
    """The exit status and what was said of a command that is run in that folder."""
    out, err, status = StringIO(), StringIO(), 0
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            command([*arguments])
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else int(left.code is not None)
    return CompletedProcess([*arguments], status, out.getvalue(), err.getvalue())
