"""The suite's errors: each names the value, the rule that it breaks and the remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable


class StudyError(Exception):
    """A problem that the user can mend; shown as one line, exit status 2."""

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        self.value, self.rule, self.remedy = value, rule, remedy
        lines = f"{value}: {rule}; {remedy}.".splitlines()  # what is quoted may hold line breaks; spaces it means
        super().__init__(" ".join(line.strip() for line in lines if line.strip()))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.value, self.rule, self.remedy)


class ConfigError(StudyError):
    """A configuration that cannot run."""


class DataError(StudyError):
    """Data that cannot be learned from as they are."""


class AssetError(StudyError):
    """A model or data set that cannot be had, or is not what it should be."""


class ResumeError(StudyError):
    """A stored study that does not belong to the configuration at hand."""


def first_line(error: BaseException) -> str:
    """An error's first line without its full stop, to be quoted in a sentence; its type where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def status_of(program: str, run: Callable[[], int]) -> int:
    """Run a command and return its exit status: its own, 2 with one line for what the user can mend, 130 for Ctrl-C."""
    try:
        return run()
    except StudyError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
