"""Many drivers of one study, begun at once and killed at random: it ends at exactly its total, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rivals import Nursery, Rivals, outcome, undisturbed

from study.core.mlflow_store import open_client, runs_of_level

Make = Callable[..., Rivals]


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Addresses for a study and for its record, where nothing is yet."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql")
        return server.database(), server.database()
    return f"sqlite:///{tmp_path}/study.db", f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def rivals(nursery: Nursery, urls: tuple[str, str], tmp_path: Path) -> Iterator[Make]:
    """Makes the drivers of a study."""
    made: list[Rivals] = []

    def make(total: int, name: str = "study") -> Rivals:
        made.append(Rivals(nursery, tmp_path, *urls, total, name))
        return made[-1]

    yield make
    for each in made:
        each.close()


def recorded(uri: str, name: str = "study") -> list[tuple[Any, ...]]:
    """What MLflow has of each trial: its number, state, score and folds' scores; each run once, and none open."""
    client = open_client(uri)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    (study,) = runs_of_level(client, experiment.experiment_id, "study")
    assert study.info.status == "FINISHED"
    out = []
    for trial in runs_of_level(client, experiment.experiment_id, "trial", study.info.run_id):
        assert trial.info.status == "FINISHED"
        runs = [*runs_of_level(client, experiment.experiment_id, "fold", trial.info.run_id)]
        folds = {int(run.data.tags["lora_study.fold"]): run.data.metrics["fold/score"] for run in runs}
        assert len(folds) == len(runs)
        assert {run.info.status for run in runs} <= {"FINISHED"}
        out.append((int(trial.data.tags["lora_study.trial"]), "COMPLETE", trial.data.metrics["score"], folds))
    return sorted(out)


@pytest.mark.parametrize(
    ("count", "total", "kills"), [(4, 9, 6), pytest.param(8, 60, 60, marks=pytest.mark.long)], ids=["four", "eight"]
)
def test_a_study_whose_drivers_are_killed_ends_at_its_total_and_nothing_is_trained_twice(
    rivals: Make, urls: tuple[str, str], count: int, total: int, kills: int
) -> None:
    ended = rivals(total).rage(count, kills, seed=1)
    assert ended.tracebacks == []
    assert ended.doubles == []
    assert ended.killed == kills
    assert outcome(urls[0]) == undisturbed(total)
    assert recorded(urls[1]) == [(n, state, values[0], folds) for n, state, _, values, folds in outcome(urls[0])]


@pytest.mark.parametrize("urls", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)], indirect=True)
def test_studies_that_are_begun_at_once_make_their_stores_together(rivals: Make, urls: tuple[str, str]) -> None:
    names = ["a", "b", "c"]
    studies = [rivals(1, name) for name in names]
    for study in studies:
        study.begin()
    for study in studies:
        assert study.rage(1, 0, seed=1).tracebacks == []
    assert [[trial[0] for trial in outcome(urls[0], name)] for name in names] == [[0], [0], [0]]
    assert [[trial[0] for trial in recorded(urls[1], name)] for name in names] == [[0], [0], [0]]
