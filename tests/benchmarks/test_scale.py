"""What must not grow with a study: a short version of scale.py, which counts rather than times where it can."""

from __future__ import annotations

import cProfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy
from benchmarks import scale
from optuna.trial import TrialState
from pandas.testing import assert_frame_equal

from analysis import epochs
from analysis.report import write_report
from analysis.runs import load_study
from study.record.mlflow import MlflowTracker
from study.search.closings import Closing
from study.search.ledger import Ledger

FOLDS = 3


@pytest.fixture(scope="module", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("scale"))
        yield


@contextmanager
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """The SQL that the ledger's storage is sent."""
    sent: list[str] = []
    engine = ledger.study._storage._backend.engine  # type: ignore[attr-defined]

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.long
def test_asking_sends_the_storage_no_more_and_calls_little_more_when_many_trials_are_told(tmp_path: Path) -> None:
    rng, ledger, spent, sent = np.random.default_rng(0), Ledger(scale.plan_of(tmp_path, FOLDS)), {}, {}
    scale.round_milliseconds(ledger, rng)  # the baselines' round
    for told in (20, 300):
        scale.fill(ledger, told, rng)
        with statements(ledger) as executed:
            ledger.trials()
            executed.clear()
            with cProfile.Profile() as profile:
                asked = ledger.ask_until(told + 8)
            spent[told] = sum(entry.callcount for entry in profile.getstats())
            sent[told] = Counter(s.split()[0] for s in executed)
        ledger.close(*(Closing(trial, TrialState.COMPLETE, [0.5, 1.0]) for trial in asked))
    assert sent[300] == sent[20]
    assert sent[20]["INSERT"] == 8 + 3  # a trial each; their values, configurations and the sampler's notes together
    # Of fifteen times as many trials; fewer in all than 6 times the 181,370 that 20 took when each fact was a call.
    assert spent[300] < 9 * spent[20]


def test_a_fold_is_one_transaction_of_the_tracking_store_and_a_trial_two(tmp_path: Path) -> None:
    plan, rng = scale.plan_of(tmp_path, FOLDS), np.random.default_rng(0)
    source = scale.configurations(plan, rng)
    tracker = MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}")
    tracker.start(plan.config, scale.provenance(plan), {})
    results = [scale.result_of(n, next(source)[1], FOLDS, rng) for n in range(2)]
    scale.record(tracker, plan, results[:1])  # the first one also says which devices there are
    commits: list[Any] = []
    sqlalchemy.event.listen(tracker.client._tracking_client.store.engine, "commit", commits.append)
    scale.record(tracker, plan, results[1:])
    assert len(commits) == FOLDS + 2


def test_the_made_up_store_is_what_the_tracker_writes(tmp_path: Path) -> None:
    plan, rng = scale.plan_of(tmp_path, FOLDS), np.random.default_rng(0)
    source = scale.configurations(plan, rng)
    results = [scale.result_of(n, next(source)[1], FOLDS, rng) for n in range(4)]
    frames = []
    for name in ("written", "copied"):
        scale.write_store(f"sqlite:///{tmp_path / name}.db", plan, results, copied=name == "copied")
        frames.append(load_study(scale.NAME, f"sqlite:///{tmp_path / name}.db"))
    one, other = (frame.trials.drop(columns="run_id") for frame in frames)  # MLflow draws the runs' ids
    assert_frame_equal(one, other)
    assert_frame_equal(frames[0].folds, frames[1].folds)
    assert len(frames[1].folds) == 4 * FOLDS


@pytest.mark.long
def test_a_report_of_many_trials_reads_each_once_and_the_folds_of_those_alone_whose_learning_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    uri, read = f"sqlite:///{tmp_path / 'mlflow.db'}", []
    scale.write_scale(uri, tmp_path, 300, FOLDS)
    search = mlflow.MlflowClient.search_runs

    def counted(*arguments: Any, **more: Any) -> Any:
        page = search(*arguments, **more)
        read.extend(r.data.tags["lora_study.level"] for r in page)
        return page

    monkeypatch.setattr(mlflow.MlflowClient, "search_runs", counted)
    index = write_report(scale.NAME, tmp_path / "reports", uri)
    assert Counter(read) == {"study": 1, "trial": 300, "fold": epochs.MOST * FOLDS}
    assert "<dt>compared</dt><dd>300 of 300 trials</dd>" in index.read_text(encoding="utf-8")
