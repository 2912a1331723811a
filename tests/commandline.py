"""Commands as a shell runs them, in this process where the process is not what is tested: its imports take seconds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from study.core.network import SWITCH


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Leave it open again whether the Hub can be reached, which a command finds out for its process."""
    from huggingface_hub import constants

    with patch.dict(os.environ), patch.object(constants, SWITCH, constants.HF_HUB_OFFLINE):
        yield


def call(command: Callable[[list[str]], None], folder: Path, *arguments: str) -> CompletedProcess[str]:
    """The exit status and what was said of a command that is run in that folder."""
    out, err, status = StringIO(), StringIO(), 0
    with _as_it_was(), chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            command([*arguments])
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else int(left.code is not None)
    return CompletedProcess([*arguments], status, out.getvalue(), err.getvalue())
