"""What the tests of faults share: a process that examines studies, and the study in which nothing fails."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from reliability.exhaust import TRIALS, Examined, Examiners
from reliability.faults import counted_as

from study.core.interruption import INTERRUPTED
from study.launch.worker import cores

FILES = ["mlflow.db", "mlruns", "reports", "study.db", "trained.log"]
KILLED = -9
MEMORY = Path("/dev/shm")  # databases that are killed by the hundred need no disk


@dataclass
class Court:
    """Examines studies with a fault, and judges them by the one without."""

    examiners: Examiners
    folder: Path
    undisturbed: Examined

    def calls(self, place: str, kind: str) -> int:
        """How many calls there are that may fail so."""
        return self.undisturbed.faulty.calls[counted_as(place, kind)]

    def judge(self, place: str, kind: str, numbers: list[int], again: str = "run_study") -> list[Examined]:
        """Studies with that fault at these calls, each of which the second command has made the undisturbed one."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            examined = self.examiners.examine(Path(folder), place, kind, numbers, again)
        for each in examined:
            self._check(each)
        return examined

    def _check(self, examined: Examined) -> None:
        faulty, again = examined.faulty, examined.again
        assert faulty.status in (0, 2, INTERRUPTED, KILLED), faulty.said
        assert "Traceback" not in faulty.said + again.said, faulty.said + again.said
        assert faulty.said.count("lora-study: ") == (faulty.status in (2, INTERRUPTED)), faulty.said
        assert again.status == 0, f"{examined.number}: {again.said}"
        assert examined.wasted == []
        for key in ("trials", "facts", "runs"):
            assert examined.outcome[key] == self.undisturbed.outcome[key], f"{examined.number}: {faulty.said}"
        assert examined.left == FILES


@pytest.fixture(scope="session")
def court() -> Iterator[Court]:
    """What examines a study and knows what is to come out."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="lora-study-faults-", dir=where))
    examiners = Examiners(cores())
    try:
        undisturbed = examiners.census(folder)
        made = Court(examiners, folder, undisturbed)
        made._check(undisturbed)
        assert {run[3] for run in undisturbed.outcome["runs"]} == {"FINISHED"}
        assert len(undisturbed.outcome["runs"]) == 1 + TRIALS + TRIALS * 2
        assert min(undisturbed.faulty.calls.values()) > 20
        yield made
    finally:
        examiners.close()
        shutil.rmtree(folder)
