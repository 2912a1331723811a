"""Asking is a function of the seed, the trial's number and the results told; interruption changes nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from study.config.compose import compose
from study.config.schema import SearchConfig, StorageConfig, StudyConfig, StudySettings
from study.config.space import parse_space
from study.core.answers import Answers
from study.core.errors import ConfigError, ResumeError
from study.core.records import Fold, FoldResult
from study.data.examples import Texts
from study.engine.changes import VERSION
from study.search.closings import Closing
from study.search.kept import attributes_of, folds_in
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.resume import TRAININGS
from study.search.storage import check, storage
from study.search.stored import configuration_of, find, folds_of

MANY = Answers(worth=np.random.default_rng(0).random(25_000))
MYSQL = 65_535  # bytes that a column of the type TEXT holds
SPACE = {"method.rank": "choice(1,2,4,8)", "method.lam": "tag(log, interval(0.1, 100))", "method.layers": "all,top-1"}
GRID = {"method.rank": "choice(1,2,4,8)", "method.layers": "all,top-1"}


def sampler_of(name: str) -> dict[str, Any]:
    """The sampler of that name, which learns from the fifth trial on where it learns."""
    known = compose([f"sampler={name}"]).sampler
    return {key: 4 if key in ("n_startup_trials", "population_size") else value for key, value in known.items()}


def plan(folder: Path, sampler: str, trials: int = 12) -> Plan:
    config = replace(
        StudyConfig(), study=StudySettings(trials=trials), space=dict(GRID if sampler == "grid" else SPACE),
        sampler=sampler_of(sampler), storage=StorageConfig(f"sqlite:///{folder / 'a.db'}"),
        search=SearchConfig(round=4),
    )  # fmt: skip
    examples = Texts(("a",) * 8, np.arange(8) % 2, ("n", "p"))
    folds = (Fold(0, np.arange(4), np.arange(4, 8)),)
    return Plan(config, parse_space(config), examples, folds, "f", np.arange(0))


def finish_round(ledger: Ledger, until: int) -> None:
    for trial in ledger.ask_until(until):
        method = configuration_of(trial).method
        told = [0.5 + 0.1 * np.tanh(method.rank), float(method.rank)]
        ledger.close(Closing(trial, TrialState.COMPLETE, told))


@pytest.mark.parametrize(
    "sampler", ["tpe", "random", *(pytest.param(name, marks=pytest.mark.long) for name in ("grid", "nsga2", "gp"))]
)
def test_a_study_reopened_before_every_round_equals_an_undisturbed_one(sampler: str, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = Ledger(plan(tmp_path / "whole", sampler))
    for until in (4, 8, 12):
        finish_round(whole, until)
        cut = Ledger(plan(tmp_path / "cut", sampler))
        cut.ask_until(until - 2)  # interrupted while asking
        finish_round(Ledger(plan(tmp_path / "cut", sampler)), until)
    mine, theirs = whole.trials(), cut.trials()
    assert [configuration_of(t) for t in mine] == [configuration_of(t) for t in theirs]
    assert [t.values for t in mine] == [t.values for t in theirs]


def test_the_baselines_come_first_and_are_marked(tmp_path: Path) -> None:
    ledger = Ledger(plan(tmp_path, "tpe"))
    first = ledger.ask_until(4)
    assert [t.user_attrs.get("baseline") for t in first] == ["head", "full", "lora r8 qv", None]
    assert [configuration_of(t).method.kind for t in first[:3]] == ["head", "full", "lora"]
    assert configuration_of(first[2]).method.rank == 8


def test_the_grid_visits_every_point_once(tmp_path: Path) -> None:
    ledger = Ledger(plan(tmp_path, "grid", trials=11))
    finish_round(ledger, 11)
    points = [tuple(t.params.values()) for t in ledger.trials() if "baseline" not in t.user_attrs]
    assert len(points) == len(set(points)) == 8


def test_where_enough_trials_run_nothing_is_asked_for_and_those_are_given_again(tmp_path: Path) -> None:
    first = Ledger(plan(tmp_path, "random"))
    asked = first.ask_until(3)
    for ledger in (first, Ledger(plan(tmp_path, "random"))):
        again = ledger.ask_until(3)
        assert [(t.number, t.params, t.state) for t in again] == [(t.number, t.params, t.state) for t in asked]
        assert ledger.ask_more(0) == []
    assert [t.number for t in first.trials()] == [0, 1, 2]


def test_several_studies_that_begin_at_once_in_a_new_store_all_open_it(tmp_path: Path) -> None:
    def opened(i: int) -> object:
        together.wait()
        return storage(f"sqlite:///{tmp_path / 'new.db'}").get_all_studies()

    for _ in range(5):
        together = Barrier(8)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(opened, range(8))) == [[]] * 8
        (tmp_path / "new.db").unlink()


def stored_before(folder: Path, lam: str | None) -> Plan:
    """A study with a trial, as a version stored it that knew no versions of trainings."""
    before = plan(folder, "random")
    before = replace(before, config=replace(before.config, space={**GRID, **({"method.lam": lam} if lam else {})}))
    before = replace(before, space=parse_space(before.config))
    ledger = Ledger(before)
    finish_round(ledger, 4)
    ledger.study.set_user_attr(TRAININGS, 0)
    return before


@pytest.mark.parametrize("lam", ["1,10", "tag(log, interval(0.1, 100))", "choice(0.5,2)", "null,1000"])
def test_a_study_whose_trainings_would_come_out_otherwise_is_refused_and_still_read(lam: str, tmp_path: Path) -> None:
    before = stored_before(tmp_path, lam)
    with pytest.raises(ResumeError, match="trained by an earlier version: trainings now clip and optimize L1"):
        Ledger(before)
    assert len(Ledger(before, resumed=False).trials()) == 4


def test_a_study_whose_trainings_come_out_as_they_did_goes_on_and_is_marked(tmp_path: Path) -> None:
    ledger = Ledger(stored_before(tmp_path, None))
    assert ledger.study.user_attrs[TRAININGS] == VERSION
    finish_round(ledger, 8)
    assert len(ledger.trials()) == 8


def test_a_fixed_lambda_concerns_a_stored_study_too(tmp_path: Path) -> None:
    before = stored_before(tmp_path, None)
    method = replace(before.config.method, lam=10.0)
    other = replace(before, config=replace(before.config, method=method, study=StudySettings("other", trials=12)))
    finish_round(ledger := Ledger(other), 4)
    ledger.study.set_user_attr(TRAININGS, 0)
    with pytest.raises(ResumeError, match="lora-export still read this one"):
        Ledger(other)


THEIRS = {
    "trials": (["maximize", "minimize"], 1, {}),
    "trials of one objective": (["minimize"], 1, {}),
    "a note of theirs": (["maximize", "minimize"], 0, {"owner": "another"}),
}


@pytest.mark.parametrize(("directions", "trials", "notes"), THEIRS.values(), ids=THEIRS)
def test_a_study_of_another_program_is_refused_and_stays_as_it_was(
    directions: list[str], trials: int, notes: dict[str, str], tmp_path: Path
) -> None:
    mine = plan(tmp_path, "random")
    url, name = mine.config.storage.url, mine.config.study.name
    theirs = optuna.create_study(storage=storage(url), study_name=name, directions=directions)
    for _ in range(trials):
        theirs.add_trial(optuna.trial.create_trial(values=[0.5] * len(directions)))
    for key, value in notes.items():
        theirs.set_user_attr(key, value)
    before = (tmp_path / "a.db").read_bytes()
    for refused in (lambda: check(mine.config), lambda: Ledger(mine), lambda: find(url, name)):
        with pytest.raises(ConfigError, match=f"is another program's study in this store, with {trials} trial"):
            refused()
    assert (tmp_path / "a.db").read_bytes() == before


def test_a_study_without_trials_that_has_other_directions_is_another_programs(tmp_path: Path) -> None:
    mine = plan(tmp_path, "random")
    optuna.create_study(storage=storage(mine.config.storage.url), study_name="study", directions=["minimize"])
    with pytest.raises(ConfigError, match="is another program's study"):
        Ledger(mine)


def test_reading_a_study_can_change_nothing_in_its_store(tmp_path: Path) -> None:
    mine = plan(tmp_path, "random")
    Ledger(mine).keep_config()
    study, config = find(mine.config.storage.url, "study")
    assert config == mine.config
    with pytest.raises(StorageInternalError, match="during the commit"):
        study.set_user_attr("mark", 1)


def test_a_study_that_was_cut_off_before_its_first_mark_is_taken(tmp_path: Path) -> None:
    mine = plan(tmp_path, "random")
    optuna.create_study(
        storage=storage(mine.config.storage.url), study_name=mine.config.study.name, directions=mine.directions
    )
    assert len(Ledger(mine).ask_until(4)) == 4


@pytest.mark.parametrize("answers", [None, Answers(np.arange(8) % 2), MANY])
def test_a_fold_comes_back_with_its_answers_however_many_they_are(answers: Answers | None, tmp_path: Path) -> None:
    ledger = Ledger(plan(tmp_path, "random"))
    (trial, *_) = ledger.ask_until(1)
    kept = {k: FoldResult(0, k, 0.5, {"score": 0.5}, answers=answers) for k in (0, 12)}
    for result in kept.values():
        ledger.keep((trial, result))
    (stored,) = Ledger(ledger.plan).trials()
    assert folds_of(stored) == kept
    assert max(len(json.dumps(value)) for value in stored.user_attrs.values()) < MYSQL


def test_a_fold_is_there_when_all_of_its_answers_are_and_not_before(tmp_path: Path) -> None:
    """What was cut off while it was kept leaves parts, which what is trained anew must not take for its own."""
    many = FoldResult(0, 0, 0.5, {"score": 0.5}, answers=MANY)
    attributes = attributes_of(many)
    names = list(attributes)
    assert names == [f"answers:0:{i}" for i in range(len(names) - 1)] + ["fold:0"]
    for count in range(len(names)):
        assert folds_in({name: attributes[name] for name in names[:count]}) == {}
    assert folds_in(attributes) == {0: many}
    failed = FoldResult(0, 0, None, error="out of memory")
    few = FoldResult(0, 0, 0.5, {"score": 0.5}, answers=Answers(np.array([1, 0])))
    for anew in (failed, few):
        assert folds_in({**attributes, **attributes_of(anew)}) == {0: anew}
