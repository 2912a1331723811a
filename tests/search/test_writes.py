"""Facts beside trials are written together, all or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy

from study.search.storage import storage
from study.search.writes import write_facts


@pytest.fixture(params=["memory", "database"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.Study:
    kept: Any = (
        optuna.storages.InMemoryStorage() if request.param == "memory" else storage(f"sqlite:///{tmp_path}/a.db")
    )
    return optuna.create_study(storage=kept)


def test_what_is_written_together_is_what_is_written_one_by_one(study: optuna.Study) -> None:
    first, second = study.ask(), study.ask()
    write_facts(
        study._storage, [(first._trial_id, "a", 1), (first._trial_id, "a", {"b": "c"}), (second._trial_id, "a", 2)]
    )
    write_facts(study._storage, [(second._trial_id, "d", "e")])
    write_facts(study._storage, [])
    assert [trial.user_attrs for trial in study.trials] == [{"a": {"b": "c"}}, {"a": 2, "d": "e"}]


def test_many_facts_are_one_transaction_of_a_database_and_none_is_written_where_one_cannot_be(tmp_path: Path) -> None:
    study = optuna.create_study(storage=storage(f"sqlite:///{tmp_path}/a.db"))
    asked, commits = [study.ask() for _ in range(4)], list[Any]()
    sqlalchemy.event.listen(study._storage._backend.engine, "commit", commits.append)  # type: ignore[attr-defined]
    write_facts(study._storage, [(trial._trial_id, key, 1) for trial in asked for key in "abc"])
    assert len(commits) == 1
    with pytest.raises(KeyError):
        write_facts(study._storage, [(asked[0]._trial_id, "late", 1), (999, "late", 1)])
    assert [trial.user_attrs for trial in study.trials] == [{"a": 1, "b": 1, "c": 1}] * 4
