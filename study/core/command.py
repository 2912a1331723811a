"""How a command begins and ends: what a person sees of it, what Ctrl-C does, and its exit status."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import NoReturn

from study.core import interruption, secrets, status_line
from study.core.disk import explain_disk
from study.core.errors import StudyError
from study.core.prose import print_prose

GARBAGE = 50_000  # new objects until they are searched for cycles: while libraries come in, by the million, all stay

COMPLETING = {"-sc", "--shell-completion"}


def set_up(program: str) -> None:
    """Say that something happens, let an interruption end the process, and let nobody see passwords; before anything
    else is imported."""
    secrets.guard_tracebacks()
    secrets.hide_arguments()
    interruption.end_at_once(f"{program}: stopped.")
    gc.set_threshold(GARBAGE)
    if not COMPLETING & set(sys.argv):  # a shell that completes a line wants nothing beside it
        status_line.appear()
    status_line.say("Reading the configuration")


def run(program: str, work: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its status."""
    set_up(program)
    status = status_of(program, work)
    interruption.ignore()
    gc.freeze()  # else the interpreter searches a heap full of libraries for cycles, for two seconds, to say goodbye
    sys.exit(status)


def status_of(program: str, work: Callable[[], int]) -> int:
    """The exit status of the work: its own, 2 with one line for what the user can mend, 130 with one for Ctrl-C."""
    try:
        with explain_disk():
            return work()
    except StudyError as error:
        status_line.end()
        print_prose(f"{program}: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        status_line.end()
        print(f"{program}: stopped.", file=sys.stderr)
        return interruption.INTERRUPTED
    finally:
        status_line.end()
