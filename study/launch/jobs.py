"""Jobs of a scheduler through submitit: what one does, and what has become of it."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from study.core.errors import StudyError, first_line
from study.launch.carrier import Carrier

POLL = {"slurm": 1.0}  # seconds between looks at the shared folder; elsewhere a tenth
LISTING = 15.0  # seconds between questions to Slurm about its queue
GRACE = 30.0  # seconds that the result of a job that has left the queue may take through the shared folder
TIMEOUTS = 2  # at which a job is begun no more
TOO_LATE = "timed-out too many times"  # in what submitit says of that


@dataclass(frozen=True)
class Errand:
    """What a job does: begin as the worker in the file, and answer a question.

    A job that is preempted, or reaches its time limit, does it again from the beginning: submitit asks for
    :meth:`checkpoint` then and puts the job back into the queue.
    """

    worker: Path
    pickled: bytes
    alone: bool = True  # in a process of its own

    def __call__(self) -> bytes:
        carrier = Carrier(self.worker.read_bytes())
        if self.alone:
            Thread(target=_end_without, args=(self.worker,), daemon=True).start()
        with _ending_at_once():
            carrier.worker.begin()
            return carrier.answer(self.pickled)

    def checkpoint(self) -> Any:
        """The same once more."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class _OutOfTime(BaseException):
    """What passes by whoever handles the errors of a training."""


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """While open, an end that submitit announces by an exception is no error of what is being done."""
    from submitit.core.job_environment import SignalHandler
    from submitit.core.utils import UncompletedJobError

    def pass_by(number: int, frame: Any) -> None:
        try:
            heard[number](number, frame)
        except UncompletedJobError as error:
            raise _OutOfTime(str(error)) from error

    heard: dict[int, Any] = {number: signal.getsignal(number) for number in signal.valid_signals()}
    theirs = [n for n, handler in heard.items() if isinstance(getattr(handler, "__self__", None), SignalHandler)]
    for number in theirs:
        signal.signal(number, pass_by)
    try:
        yield
    except _OutOfTime as end:
        raise UncompletedJobError(str(end)) from end
    finally:
        for number in theirs:
            signal.signal(number, heard[number])


def _end_without(file: Path) -> None:
    """End this process once the file is gone: whoever waited for it has left, and may not have reached it."""
    while file.exists():
        time.sleep(1)
    os._exit(1)


class Failed(Exception):
    """The job has ended without an answer; the text says how, `late` where its time was too short."""

    def __init__(self, how: str, late: bool) -> None:
        super().__init__(how)
        self.late = late


class Jobs:
    """Jobs that are submitted from this process, in a folder that the nodes share with it."""

    def __init__(self, cluster: str, folder: Path, parameters: dict[str, Any]) -> None:
        import submitit

        logging.getLogger("submitit").setLevel(logging.ERROR)
        limits = {f"{name}_max_num_timeout": TIMEOUTS - 1 for name in ("slurm", "local")}
        self.cluster, self.executor = cluster, submitit.AutoExecutor(folder, cluster=cluster, **limits)
        self.executor.update_parameters(**parameters)
        self._submitted: dict[Any, float] = {}  # when, by job
        self._missing: dict[Any, float] = {}  # since when it is neither in the queue nor has brought anything
        self._queue, self._asked, self._listed = frozenset[str](), float("-inf"), float("-inf")

    def submit(self, errands: list[Errand]) -> list[Any]:
        """A job each, as an array where they are several; StudyError where they are refused."""
        try:
            made = self.executor.submit_array(errands)
        except Exception as error:
            remedy = "write other values, or other launcher.parameters"
            raise StudyError("launcher=slurm", f"the jobs are refused ({first_line(error)})", remedy) from error
        self._submitted |= dict.fromkeys(made, time.monotonic())
        return list(made)

    def wait(self, jobs: Collection[Any]) -> list[Any]:
        """Those of the jobs that have ended, as soon as one has."""
        while not (ended := [job for job in jobs if self._has_ended(job)]):
            time.sleep(POLL.get(self.cluster, 0.1))
        return ended

    def answer(self, job: Any) -> Any:
        """What the job answered, or the error that its worker raised; Failed where it did not come to that."""
        from submitit.core.utils import pickle_load

        del self._submitted[job]
        if self.cluster == "debug":
            said = "success", job.result()
        elif not job.paths.result_pickle.exists():
            raise Failed(f"see {job.paths.stderr}", late=False)
        else:
            said = pickle_load(job.paths.result_pickle)
        if said[0] != "success":
            raise Failed(first_line(Exception(str(said[1]).strip().splitlines()[-1])), late=TOO_LATE in said[1])
        result, error = pickle.loads(said[1])
        if error is not None:
            raise error
        return result

    def cancel(self, jobs: Iterable[Any]) -> None:
        """End these jobs, and forget them."""
        gone = [job for job in jobs if self._submitted.pop(job, None) is not None]
        if self.cluster == "slurm" and gone:
            with suppress(OSError):  # then they end as soon as they miss their file
                subprocess.run(["scancel", *(job.job_id for job in gone)], check=False, capture_output=True)
            return
        for job in gone:
            job.cancel()
        for job in gone:
            while self.cluster == "local" and not job.done():
                time.sleep(0.05)

    def close(self) -> None:
        """End every job."""
        self.cancel(list(self._submitted))

    def _has_ended(self, job: Any) -> bool:
        if self.cluster != "slurm":
            return bool(job.done())
        if job.paths.result_pickle.exists():
            return True
        queue = self._ask_queue()
        if job.job_id in queue or self._listed < self._submitted[job]:
            self._missing.pop(job, None)
            return False
        return time.monotonic() - self._missing.setdefault(job, time.monotonic()) > GRACE

    def _ask_queue(self) -> frozenset[str]:
        """The jobs that wait or run; of Slurm's accounts, which say more, not every cluster has any."""
        if time.monotonic() - self._asked > LISTING:
            command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            self._asked = time.monotonic()
            if done.returncode == 0:  # else it is too busy to answer, which says nothing of the jobs
                self._queue, self._listed = frozenset(done.stdout.split()), self._asked
        return self._queue
