"""Commands as a shell runs them, in this process where the process is not what is tested: its imports take seconds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from study.core import interruption
from study.core.network import SWITCH


@contextmanager
def signals_as_they_were() -> Iterator[None]:
    """At its end, signals are answered as at its beginning, and no interruption waits to be heeded."""
    before = {each: signal.getsignal(each) for each in interruption.SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        interruption._unwinding = interruption._Unwinding()


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Leave it open again whether the Hub can be reached, which a command finds out for its process, and answer signals
    as before, also where a fixture of many tests runs the command.

    Nor does Hydra close handlers of messages: with absl's, what pytest reads would be closed.
    """
    from huggingface_hub import constants
    from hydra._internal import hydra

    offline, logging = patch.object(constants, SWITCH, constants.HF_HUB_OFFLINE), patch.object(hydra, "configure_log")
    with signals_as_they_were(), patch.dict(os.environ), offline, logging:
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
