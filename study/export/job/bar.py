"""What a person at a terminal sees of an export: a bar of what is trained, and of what is done for each format."""

from __future__ import annotations

import sys
from typing import Any

from study.core import status_line


class Bar:
    """A bar of `total` steps of what is being done, which leaves nothing behind; silence where there is no terminal."""

    def __init__(self, what: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), MofNCompleteColumn(),
            TimeElapsedColumn(),
        )  # fmt: skip
        # What the command prints goes where the caller wants it, and no way around by the terminal.
        self.bar = Progress(
            *columns, console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self.what, self.row = what, self.bar.add_task(what, total=total)

    def __enter__(self) -> Bar:
        status_line.start_instead(self.bar)
        return self

    def __exit__(self, *exc: Any) -> None:
        self.bar.stop()

    def say(self, step: str) -> None:
        """What is being done of it now."""
        self.bar.update(self.row, description=f"{self.what}: {step}")

    def advance(self) -> None:
        """One step more is done."""
        self.bar.advance(self.row)
