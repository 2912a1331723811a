"""Stores that earlier versions left go on, are reported and exported; each release adds one to tests/stores.

first: sentiment, task.limit=200 study.folds=2 study.trials=6 space=tradeoff model.precision=float32 engine.pack=2
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from commandline import call

from analysis.runs import load_study
from study.commands import study as cli
from study.config.compose import compose
from study.config.options import IN_MLFLOW, LOCAL, UNTRACKED
from study.core.errors import ConfigError, ResumeError
from study.search.decisions import recall
from study.search.ledger import Ledger
from study.search.planning import make_plan
from study.search.resume import VALUES
from study.search.stored import CONFIG, CONFIGURATION, configuration_of, find, folds_of
from study.search.upgrade import upgrade

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


@pytest.mark.long
def test_a_store_of_the_first_version_grows_and_is_reported(store: Path) -> None:
    before = scores(store)
    done = call(cli.main, store.parent, *FIRST, "study.trials=7")
    assert done.returncode == 0, done.stderr
    after = scores(store)
    assert {key: score for key, score in after.items() if key[0] < 6} == before
    assert len(after) == len(before) + 2 == 14
    assert (store.parent / "reports" / "golden" / "index.html").is_file()


@pytest.mark.long
def test_what_a_store_of_the_first_version_holds_is_sent_to_a_record_and_reported_without_training(
    store: Path,
) -> None:
    before = scores(store)
    done = call(cli.main, store.parent, "--sync", "study.name=golden")
    assert done.returncode == 0, done.stderr
    assert scores(store) == before
    runs = load_study("golden", f"sqlite:///{store.parent}/mlflow.db")
    assert len(runs.trials) == 6
    assert set(runs.trials["state"]) == {"complete"}
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
    assert ledger.change() is None


def test_a_store_of_the_first_version_goes_on_where_the_machine_is_to_choose(store: Path) -> None:
    config = compose(["task.limit=200", "study.name=golden", "study.folds=2", "space=tradeoff", "model.precision=auto"])
    config = replace(config, storage=replace(config.storage, url=f"sqlite:///{store}"))
    plan = make_plan(config).with_decisions(recall(config))
    assert plan.decided == {"model.precision": "float32"}
    assert len(Ledger(plan).trials()) == 6


def test_launchers_and_trackers_that_were_stored_by_name_are_revived_by_target(store: Path) -> None:
    study, config = find(f"sqlite:///{store}", "golden")
    raw = json.loads(study.user_attrs[CONFIG])
    assert (raw["launcher"]["name"], raw["tracking"]["name"]) == ("local", "mlflow")
    assert config.launcher == {**LOCAL, "workers": raw["launcher"]["workers"]}
    assert config.tracking == {**IN_MLFLOW, "uri": raw["tracking"]["uri"]}
    for given, target in {"off": UNTRACKED, "mlflow": {**IN_MLFLOW, "uri": "u"}}.items():
        assert upgrade({"tracking": {"name": given, "uri": "u"}}) == {"tracking": target}
    theirs = {"_target_": "mine.Tracker", "name": "off"}
    assert upgrade({"tracking": theirs}) == {"tracking": theirs}


NEW = [
    ("train", "dropout"),
    ("method", "scaling"),
    ("model", "random_weights"),
    ("task", "metric"),
    ("search", "round"),
]


@pytest.mark.parametrize(("group", "key"), NEW)
def test_a_store_made_before_a_defaulted_key_was_added_resumes(tmp_path: Path, group: str, key: str) -> None:
    config = compose(["task.limit=200", "study.folds=2", "study.trials=4", "method.rank=2"])
    config = replace(config, storage=replace(config.storage, url=f"sqlite:///{tmp_path}/a.db"))
    plan = make_plan(config)
    ledger = Ledger(plan)
    ledger.keep_config()
    asked = [configuration_of(t) for t in ledger.ask_until(4)]
    without_key(tmp_path / "a.db", group, key)
    study, stored = find(config.storage.url, "study")
    assert key not in json.loads(study.user_attrs[CONFIG])[group]
    assert stored == config
    resumed = Ledger(make_plan(stored))
    assert [configuration_of(t) for t in resumed.trials()] == asked
    assert resumed.study_id == ledger.study_id
    given = replace(config, **{group: replace(getattr(config, group), **{key: OTHERS[key]})})
    with pytest.raises(ResumeError, match=f"another {group}.{key} "):
        Ledger(make_plan(given))


OTHERS = {"dropout": 0.5, "scaling": "alpha/sqrt(r)", "random_weights": True, "metric": "macro_f1", "round": 3}


def without_key(database: Path, group: str, key: str) -> None:
    """Make the store what a version would have left that did not have the key."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, identity in (("study_user_attributes", "study_user_attribute_id"),
                                ("trial_user_attributes", "trial_user_attribute_id")):  # fmt: skip
            rows = connection.execute(f"select {identity}, key, value_json from {table}").fetchall()
            for number, name, text in rows:
                if name not in (CONFIG, CONFIGURATION, VALUES):
                    continue
                raw = json.loads(json.loads(text))
                raw.pop(f"{group}.{key}", None)
                raw.get(group, {}).pop(key, None)
                changed = json.dumps(json.dumps(raw))
                connection.execute(f"update {table} set value_json = ? where {identity} = ?", (changed, number))


def test_a_stored_key_of_a_later_version_is_named_with_its_remedy(tmp_path: Path) -> None:
    config = compose(["study.trials=4"])
    config = replace(config, storage=replace(config.storage, url=f"sqlite:///{tmp_path}/a.db"))
    ledger = Ledger(make_plan(config))
    ledger.keep_config()
    raw = json.loads(ledger.study.user_attrs[CONFIG])
    raw["train"]["invented"] = 1
    ledger.study.set_user_attr(CONFIG, json.dumps(raw))
    with pytest.raises(ConfigError, match="invented: is no key of this version of the suite; use the version that ran"):
        find(config.storage.url, "study")
