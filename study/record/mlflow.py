"""MLflow runs: study → trial → fold, written by the driver alone, in batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core import addresses, answer_tables, mlflow_pages, stores
from study.core.answer_tables import Table
from study.core.conclusion import read_conclusion
from study.core.mlflow_notes import NOTE, show_conclusion, with_role
from study.core.mlflow_store import TABLES, TAG, address, explain_refusals
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.answer_files import put_answers
from study.record.client import make_client
from study.record.coming import Coming
from study.record.devices import note_devices
from study.record.earlier import Earlier, correct_fold, read_earlier, read_folds
from study.record.endings import start_of, trial_ending
from study.record.fold_runs import fold_run
from study.record.inputs import source_tags
from study.record.names import digits, fold_name, repeat_name, trial_name
from study.record.notes import links_from_trial, renewed_costs, trial_note
from study.record.parameters import searched_keys, trial_parameters
from study.record.refusals import LOST, refusal
from study.record.root import begin_study, experiment_for
from study.record.rows import runs_of
from study.record.runs import Begun, Ended, RunEnd
from study.record.tags import feasibility_tags
from study.record.tracker import Finished, Tracker

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


class MlflowTracker(Tracker):
    """The MLflow experiment of the study's name, in the store at `uri`, or in MLflow's own default store."""

    unreported = ""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri
        if uri is None or addresses.scheme_of(uri) in addresses.DATABASES:
            self.imports = ("mlflow.store.tracking.sqlalchemy_store",)
        self.known = Earlier()
        self.coming: dict[int, Coming] = {}
        self.labels: dict[int, str] = {}
        self.open: set[int] = set()
        self.repeated: set[int] = set()  # whose runs of further cross-validations have been looked through
        self.devices: set[str] = set()

    @property
    def trials(self) -> dict[int, str]:
        """The ids of the trials' runs."""
        return self.known.trials

    @property
    def root(self) -> str:
        """The id of the study's run."""
        return self.known.root

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, which makes the store where there is none."""
        return make_client(self.uri)

    def check_address(self) -> None:
        if self.uri:
            stores.check("tracking.uri", self.uri, stores.MLFLOW)

    def check(self, config: StudyConfig) -> None:
        from study.record import checks

        checks.check(self.uri, config)

    def refusal(self, error: BaseException) -> str:
        return refusal(error, address(self.uri)[1])

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        self.study_id, self.width = provenance.tags[f"{TAG}study_id"], digits(config.study.trials)
        self.metric, self.source = provenance.tags.get(f"{TAG}metric", "score"), source_tags(provenance.tags)
        self.searched = searched_keys(config)
        with explain_refusals(*address(self.uri)):
            self.experiment = experiment_for(self.client, config.study.name)
            self.runs = runs_of(self.client, self.experiment)
            self.known = read_earlier(self.runs, self.study_id, self.width)
            begin_study(self.runs, self.known, config, provenance, artifacts)

    def reopen(self) -> None:
        known = read_earlier(self.runs, self.study_id, self.width)
        if not known.root:
            raise OSError(LOST)
        self.known, self.repeated = known, set()
        self.open &= known.trials.keys() - known.closed

    def _tags(self, number: int) -> dict[str, str]:
        return {f"{TAG}study_id": self.study_id, f"{TAG}trial": str(number), **self.source}

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        self.labels[number] = label
        if number in self.known.closed:
            return
        if number not in self.trials:
            self.coming.setdefault(number, Coming(configuration, label, baseline))
        elif number not in self.open:
            self.client.update_run(self.trials[number], status="RUNNING")
            self._complete(number, configuration)
            self.open.add(number)

    def _complete(self, number: int, configuration: Configuration) -> None:
        """Add the parameters that the trial's run lacks: who made it may have been cut off before they were there."""
        params = trial_parameters(configuration, self.searched, self.known.parameters)
        there = self.known.recorded.get(number, ())
        self.runs.log(self.trials[number], params={key: value for key, value in params.items() if key not in there})

    def _run_of(self, number: int, started: float | None = None) -> str:
        """The trial's run, which begins now if it is not there."""
        self._begin({number: started})
        return self.trials[number]

    def _begin(self, started: Mapping[int, float | None]) -> None:
        """Let the trials' runs begin that are not there, when their first fold did: MLflow keeps what is said here."""
        coming = {number: self.coming[number] for number in started if number in self.coming}
        for number in coming.keys() & self.trials.keys():  # as a call that failed had made them
            self._complete(number, coming[number].configuration)
        new = {n: self._begun(n, trial, started[n]) for n, trial in coming.items() if n not in self.trials}
        self.trials.update(zip(new, self.runs.begin([*new.values()]), strict=True))
        self.open |= coming.keys()
        for number in coming:  # not before: what fails here is tried again
            del self.coming[number]

    def _begun(self, number: int, trial: Coming, started: float | None) -> Begun:
        params = trial_parameters(trial.configuration, self.searched, self.known.parameters)
        name, tags = trial_name(number, trial.label, self.width), {**self._tags(number), **trial.tags}
        return Begun(name, "trial", tags, params, self.root, started)

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        if number in self.known.adapted:
            return
        if number in self.coming:
            self.coming[number].adaptation = adaptation
        else:
            self.client.set_tag(self.trials[number], f"{TAG}adaptation", adaptation.to_json())
        self.known.adapted.add(number)

    def fold(self, result: FoldResult) -> None:
        self.folds([result])

    def folds(self, results: Sequence[FoldResult]) -> None:
        new: dict[tuple[int, int], Ended] = {}
        of_open = [each for each in results if each.trial not in self.known.closed]
        self._begin({each.trial: each.started for each in reversed(of_open)})  # the first of a trial begins it
        for result in of_open:
            key = (result.trial, result.fold)
            if key in self.known.folds:
                correct_fold(self.client, self.known.folds[key], result)
            else:
                new[key] = self._fold_run(result, fold_name(*key, self.width), {})
        self._add(new)

    def repeat(self, result: FoldResult, number: int, fold: int) -> None:
        if result.trial not in self.repeated:
            read_folds(self.known, self.runs, result.trial)
            self.repeated.add(result.trial)
        if (result.trial, result.fold) not in self.known.folds:
            name = repeat_name(result.trial, number, fold, self.width)
            self._add({(result.trial, result.fold): self._fold_run(result, name, {f"{TAG}repeat": str(number)})})

    def _fold_run(self, result: FoldResult, name: str, more: dict[str, str]) -> Ended:
        run = self._run_of(result.trial, result.started)
        return fold_run(result, name, {**self._tags(result.trial), **more}, run)

    def _add(self, folds: dict[tuple[int, int], Ended]) -> None:
        self.known.folds |= zip(folds, self.runs.add([*folds.values()]), strict=True)

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        if tags := self._put_answers(number, compute):
            self.runs.log(self.trials[number], tags=tags)
            self.known.answered.add(number)

    def _put_answers(self, number: int, compute: Callable[[], Table] | None) -> dict[str, str]:
        """Write the table where it is not recorded; the tags that are to say so, none where there is nothing to say."""
        if number in self.known.answered or compute is None or not (table := compute()):
            return {}
        return put_answers(self.runs, self._run_of(number), table, answer_tables.TRIAL, [])

    def repeat_answers(self, number: int, table: Table) -> None:
        before = [answer_tables.TRIAL] if number in self.known.answered else []
        run = self.trials[number]
        self.runs.log(run, tags=put_answers(self.runs, run, table, answer_tables.REPEATS, before))

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        self.finish_trials([Finished(result, summary)])

    def finish_trials(self, trials: Sequence[Finished]) -> None:
        open_ones = {each.result.trial: each for each in trials if each.result.trial not in self.known.closed}
        for each in trials:
            if each.answers is not None and each.result.trial not in open_ones:
                self.answers(each.result.trial, each.answers)
        self._begin({number: start_of(each.result) for number, each in open_ones.items()})
        endings = {number: self._ending(each) for number, each in open_ones.items()}
        self.runs.finish([*endings.values()])
        self.open -= endings.keys()
        self.known.closed |= endings.keys()
        self.known.answered |= {number for number, ending in endings.items() if TABLES in ending.tags}

    def _ending(self, trial: Finished) -> RunEnd:
        number = trial.result.trial
        note_devices(self.client, self.root, self.devices, trial.result)
        return trial_ending(trial, self.trials[number], self._note(trial), self._put_answers(number, trial.answers))

    def _note(self, trial: Finished) -> str:
        number, links = trial.result.trial, links_from_trial(self.experiment, self.root)
        note = trial_note(self.labels[number], trial.result, trial.summary, self.metric, links)
        return with_role(self.known.roles.get(number, ""), note)

    def rejudge(self, trial: Finished) -> None:
        self.runs.log(self.trials[trial.result.trial], tags={**feasibility_tags(trial.result), NOTE: self._note(trial)})

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        tags = renewed_costs(figures, lambda: self.client.get_run(self.trials[number]).data)
        self.runs.log(self.trials[number], [(k, v, 0) for k, v in figures.items()], tags=tags)

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        if not any(name.startswith("reference/") for name in self.client.get_run(self.root).data.metrics):
            self.runs.log(self.root, [(name, value, 0) for name, value in compute().items()])

    def note_ending(self, reason: str) -> None:
        self.client.set_tag(self.root, f"{TAG}ending", reason)

    def report(self, folder: Path) -> None:
        self.client.log_artifacts(self.root, str(folder), "report")
        if conclusion := read_conclusion(folder):
            show_conclusion(self.client, self.root, self.trials, self.known.roles, conclusion)

    def end(self, status: str) -> None:
        for number in {*self.open, *self.coming}:
            self.client.set_terminated(self._run_of(number), "KILLED")
        self.client.set_terminated(self.root, status)

    def page(self) -> str:
        pages = mlflow_pages.pages_at(address(self.uri)[1]) or mlflow_pages.LOCAL
        return f"{pages}/{mlflow_pages.trials_place(self.experiment, self.root, viewed=True)}"

    def command(self) -> str:
        return mlflow_pages.ui_command(self.uri)
