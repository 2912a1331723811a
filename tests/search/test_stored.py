"""Stores that earlier versions left go on, are reported and exported; each release adds one to tests/stores.

first: sentiment, task.limit=200 study.folds=2 study.trials=6 space=tradeoff model.precision=float32 engine.pack=2
"""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from commandline import call

from study.commands import study as cli
from study.search.ledger import Ledger, find, folds_of
from study.search.plan import make_plan

STORES = Path(__file__).parent / "stores"
FIRST = [
    "study.name=golden",
    "task.limit=200",
    "study.folds=2",
    "space=tradeoff",
    "model.precision=float32",
    "engine.pack=2",
]
Scores = dict[tuple[int, int], float | None]


def restored(name: str, folder: Path) -> Path:
    """The database of that name, in the folder."""
    with closing(sqlite3.connect(folder / "lora-study.db")) as database:
        database.executescript(gzip.decompress((STORES / f"{name}.sql.gz").read_bytes()).decode())
    return folder / "lora-study.db"


def scores(database: Path) -> Scores:
    trials = optuna.load_study(study_name="golden", storage=f"sqlite:///{database}").trials
    return {(t.number, k): fold.score for t in trials for k, fold in folds_of(t).items()}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return restored("first", tmp_path)


def test_a_store_of_the_first_version_grows_and_is_reported(store: Path) -> None:
    before = scores(store)
    done = call(cli.main, store.parent, *FIRST, "study.trials=7")
    assert done.returncode == 0, done.stderr
    after = scores(store)
    assert {key: score for key, score in after.items() if key[0] < 6} == before
    assert len(after) == len(before) + 2 == 14
    assert (store.parent / "reports" / "golden" / "index.html").is_file()


def test_a_store_of_the_first_version_is_refused_under_another_configuration_by_key(store: Path) -> None:
    before = store.read_bytes()
    done = call(cli.main, store.parent, *FIRST, "study.trials=7", "train.lr=0.5", "method.alpha=4")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "another method.alpha (16.0 before, 4.0 now) and another train.lr (0.003 before, 0.5 now)" in done.stderr
    assert store.read_bytes() == before


def test_a_store_of_the_first_version_can_be_exported(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store.parent)  # where the study was run: its configuration names its store from there
    study, config = find(f"sqlite:///{store}", "golden")
    ledger = Ledger(make_plan(config), resumed=False)
    assert len(ledger.trials()) == len(study.trials) == 6
    assert ledger.changed() is None
