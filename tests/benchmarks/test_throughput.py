"""A short version of throughput.py, which counts transactions, and shares of a clock that nobody's speed moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from benchmarks import throughput, throughput_curves
from benchmarks.throughput import FOLDS, Row, Waiting
from invented import Silent
from optuna.storages import InMemoryStorage

from study.config.schema import SCHEDULES
from study.core.records import Provenance
from study.record.mlflow import MlflowTracker
from study.record.none import NoTracker
from study.search.driver import Driver
from study.search.ledger import Ledger

WORKERS = (1, 2, 10, 100)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def waited(workers: int, trials: int, schedule: str, uneven: bool = False, pruner: str = "none") -> Waiting:
    """The launcher of a study that is over, whose driver took no time."""
    from invented import stored_in

    overrides = (f"search.schedule={schedule}", f"pruner={pruner}", "sampler=random")
    plan = throughput.study_plan(workers, trials, "sqlite://", *overrides)
    launcher: Any = Waiting(plan, throughput.score, workers, cost=throughput.costs_of(60, uneven))
    with stored_in(InMemoryStorage()):
        Driver(plan, Ledger(plan), NoTracker(), Silent(), launcher).run()  # type: ignore[arg-type]
    assert len(launcher.ran) == len(set(launcher.ran)) <= FOLDS * trials
    return launcher  # type: ignore[no-any-return]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("workers", WORKERS)
def test_with_rounds_as_large_as_the_cluster_workers_idle_a_tenth_of_the_time_at_most(
    schedule: str, workers: int
) -> None:
    launcher = waited(workers, 2 * max(throughput.SMALLEST, workers), schedule)
    assert launcher.idle <= 0.1
    assert launcher.busy == 60 * len(launcher.ran)
    assert len(launcher.ran) == FOLDS * 2 * max(throughput.SMALLEST, workers)


def test_with_racing_too_where_trials_that_end_give_their_places_to_others() -> None:
    idle = {schedule: waited(10, 120, schedule, pruner="racing").idle for schedule in SCHEDULES}
    assert idle["rolling"] <= 0.1
    assert idle["rolling"] < idle["rounds"] / 2


def test_where_costs_differ_rounds_wait_for_the_slowest_and_free_workers_do_not() -> None:
    idle = {schedule: waited(20, 100, schedule, uneven=True).idle for schedule in SCHEDULES}
    assert idle["async"] < idle["rounds"] / 2


@contextmanager
def commits(engine: Any) -> Iterator[list[Any]]:
    """The transactions that an engine ends."""
    ended: list[Any] = []
    note = ended.append
    sqlalchemy.event.listen(engine, "commit", note)
    try:
        yield ended
    finally:
        sqlalchemy.event.remove(engine, "commit", note)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_study_costs_its_stores_a_transaction_a_fold_and_a_few_a_trial(schedule: str, tmp_path: Path) -> None:
    plan = throughput.study_plan(8, 16, f"sqlite:///{tmp_path / 'o.db'}", f"search.schedule={schedule}", "pruner=none")
    ledger, tracker = Ledger(plan), MlflowTracker(f"sqlite:///{tmp_path / 'm.db'}")
    tracker.start(plan.config, Provenance({"lora_study.study_id": ledger.study_id}), {})
    launcher: Any = Waiting(plan, throughput.score, 8)
    driver = Driver(plan, ledger, tracker, Silent(), launcher)  # type: ignore[arg-type]
    kept, recorded = ledger.study._storage._backend.engine, tracker.client._tracking_client.store.engine  # type: ignore[attr-defined]
    with commits(kept) as of_ledger, commits(recorded) as of_record:
        driver.run()
    assert len(launcher.ran) == 16 * FOLDS
    # Of a trial: the ledger asks for it, describes it twice and tells it; the record begins, tags and ends it.
    assert len(of_ledger) <= 16 * (FOLDS + 4) + 12
    assert len(of_record) <= 16 * (FOLDS + 3) + 2


def row(**fields: Any) -> Row:
    known = {"store": "SQLite", "schedule": "rounds", "pruner": "racing", "uneven": False, "workers": 10, "trials": 10}
    known |= {"folds": 30, "seconds": 0.1, "asking": 0.5, "ledger": 0.03, "racing": 0.01, "lasted": 200.0, "idle": 0.05}
    return Row(**{**known, **fields})


def test_the_table_has_a_line_a_study_and_the_curve_a_line_a_kind(tmp_path: Path) -> None:
    rows = [row(workers=n, store=store) for store in ("SQLite", "PostgreSQL") for n in (10, 1)]
    head, _, first, *_ = lines = [*throughput.table(rows, 60.0)]
    assert len(lines) == 6
    assert first == "| SQLite | rounds | racing | equal | 10 | 30 | 300 | 1.0 | 0.3 | 50.0 | 0.25% | 5.0% |"
    assert head.count("|") == first.count("|")
    assert {label: [r.workers for r in line] for label, line in throughput_curves.lines_of(rows).items()} == {
        "SQLite, rounds, racing": [1, 10], "PostgreSQL, rounds, racing": [1, 10]
    }  # fmt: skip
    throughput_curves.draw(rows, tmp_path / "curve.svg")
    drawn = (tmp_path / "curve.svg").read_text()
    assert "finished folds a second" in drawn
    assert "PostgreSQL, rounds, racing" in drawn
