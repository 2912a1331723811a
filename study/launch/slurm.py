"""Workers as jobs of a Slurm cluster: arrays that take packs, submitted through submitit from a shared folder."""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch.attempts import ALONE, DIED, Attempt, Waiting
from study.launch.base import Launcher, Packs, WorkerDied, check_argument, check_installed, nothing
from study.launch.jobs import Errand, Failed, Jobs
from study.launch.worker import Worker, cores

T = TypeVar("T")
CLUSTERS = ("slurm", "local", "debug")
CHOICE = "write slurm, or local or debug to try it out"
LARGEST = 1000  # jobs at once, which is what an array holds where nobody has configured another size


class SlurmLauncher(Launcher):
    """A job a pack. `folder` is one that the nodes share with this machine; what jobs say lies there.

    `workers` is how many jobs may run at once, null for as many as Slurm lets; each has `timeout_min` minutes for its
    pack, `cpus_per_task` cores, `gpus_per_node` and `mem_gb`, in the `partition`; `parameters` are any others of
    submitit's, by its names. `cluster` local runs the jobs as processes of this machine, debug in this very one.
    """

    def __init__(
        self,
        cluster: str = "slurm",
        workers: int | None = None,
        folder: str = "slurm",
        timeout_min: int = 60,
        partition: str | None = None,
        cpus_per_task: int = 1,
        gpus_per_node: int | None = None,
        mem_gb: float | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        check_argument("cluster", cluster, cluster in CLUSTERS, "is none that submitit knows", CHOICE)
        count = workers is None or (type(workers) is int and workers >= 1)
        check_argument(
            "workers", workers, count, "at least one job must run", "write 1 or more, or null for any number"
        )
        check_argument("folder", folder, type(folder) is str and folder, "is no folder", "name one that nodes share")
        minutes = type(timeout_min) is int and timeout_min >= 1
        check_argument("timeout_min", timeout_min, minutes, "is no whole number of minutes", "write what a pack takes")
        known = parameters is None or isinstance(parameters, dict)
        check_argument("parameters", parameters, known, "are not given by name", "write keys such as account below it")
        check_installed("slurm", "submitit")
        there = cluster != "slurm" or shutil.which("sbatch")
        check_argument("cluster", cluster, there, "there is no sbatch here", "start the study where jobs are submitted")
        self.cluster, self.folder, self.timeout_min = cluster, folder, timeout_min
        self.workers = workers or {"slurm": LARGEST, "local": cores(), "debug": 1}[cluster]
        asked: dict[str, Any] = {
            "timeout_min": timeout_min,
            "cpus_per_task": cpus_per_task,
            "gpus_per_node": gpus_per_node,
        }
        asked |= {"mem_gb": mem_gb, "name": "lora-study", "slurm_partition": partition}
        asked |= {"slurm_array_parallelism": self.workers}
        asked |= {f"slurm_{name}": value for name, value in (parameters or {}).items()}
        self.parameters = {name: value for name, value in asked.items() if value is not None}
        self._check_parameters(parameters)
        self._jobs: Jobs | None = None

    def _check_parameters(self, parameters: dict[str, Any] | None) -> None:
        import submitit

        try:
            submitit.AutoExecutor(self.folder, cluster="debug").update_parameters(**self.parameters)
        except Exception as error:
            said = [line for line in str(error).splitlines() if line] or [type(error).__name__]
            rule = f"is refused by submitit ({said[0].split(' Valid arguments')[0].rstrip('.')})"
            raise ConfigError(f"launcher.parameters={parameters}", rule, "write its names and types") from error

    def start(self, worker: Worker) -> SlurmLauncher:
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        self._place = Path(tempfile.mkdtemp(dir=self.folder, prefix="study-")).absolute()
        self._worker = self._place / "worker.pkl"
        self._worker.write_bytes(pickle.dumps(worker))
        self._lost = False  # whether a job has died, of which its log may tell
        self._jobs = Jobs(self.cluster, self._place, self.parameters)
        return self

    @property
    def jobs(self) -> Jobs:
        """What has been submitted."""
        if self._jobs is None:
            raise RuntimeError("a launcher starts before it is given work")
        return self._jobs

    def _errand(self, question: Callable[..., Any], *arguments: object) -> Errand:
        return Errand(self._worker, pickle.dumps((question, arguments)), self.cluster != "debug")

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        waiting = Waiting(packs)
        flying: dict[Any, Attempt] = {}
        limit = LARGEST if self.cluster == "slurm" else self.workers  # Slurm itself keeps to the number of workers
        try:
            while not waiting.over or flying:
                given = waiting.take_some(limit - len(flying))
                errands = [self._errand(Worker.train, list(attempt.pack)) for attempt in given]
                flying |= zip(self.jobs.submit(errands) if errands else (), given, strict=True)
                results: list[FoldResult] = []
                for job in self.jobs.wait(flying) if flying else ():
                    again, brought = self._outcome(job, flying.pop(job))
                    waiting.retry(again)
                    results += brought
                yield from self.yield_ready(results)
                waiting.follow(more())
        finally:  # where nobody wants the rest, too
            if self._jobs is not None:
                self._jobs.cancel(flying)

    def _outcome(self, job: Any, attempt: Attempt) -> tuple[list[Attempt], list[FoldResult]]:
        """What is to be tried again, and the results."""
        try:
            return [], self.jobs.answer(job)
        except Failed as failed:
            self._lost = True
            if failed.late:  # it was begun again already, and a smaller pack takes less
                late = f"its job reached launcher.timeout_min={self.timeout_min}, twice; write a longer one"
                return replace(attempt, deaths=ALONE).after_death(late)
            return attempt.after_death(f"{DIED} ({failed})")
        except Exception as error:  # noqa: BLE001 -- of members that cannot be understood there
            return [], attempt.after_error(error)

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        for _ in range(ALONE):
            (job,) = self.jobs.submit([self._errand(question, *arguments)])
            try:
                self.jobs.wait([job])
                return self.jobs.answer(job)  # type: ignore[no-any-return]
            except Failed as error:
                self._lost, failed = True, error
            finally:
                self.jobs.cancel([job])
        raise WorkerDied from failed

    def close(self) -> None:
        jobs, self._jobs = self._jobs, None
        if jobs is None:
            return
        self._worker.unlink(missing_ok=True)  # jobs that cannot be reached end without it
        jobs.close()
        if not self._lost:
            shutil.rmtree(self._place, ignore_errors=True)
