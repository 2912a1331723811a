"""Both stores on PostgreSQL: a study runs, goes on, reports and exports, and its password is nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import NoReturn
from urllib.parse import quote

import pytest
from commandline import call
from postgres import PASSWORD, Server
from sqlalchemy import create_engine, inspect, make_url, text
from tiny import save_model

from analysis import __main__ as report
from analysis.runs import load_study
from study.commands import export
from study.commands import study as cli
from study.core import command
from study.export.job import measure
from study.search.storage import storage

TOY = Path(__file__).parents[1] / "contracts" / "toy"  # a launcher that needs no other process
SMALL = (
    f"--config-dir={TOY}",
    "study.name=small", "task.limit=80", "task.test_fraction=0.25", "model.max_length=16", "method.kind=factorized",
    "method.rank=2", "method.residual=keep,drop", "study.folds=2", "train.epochs=1", "search.baselines=[]",
    "sampler=grid", "launcher=here", "report.remeasure=false",
)  # fmt: skip
# As it was typed, as it was meant, and as others may have quoted it: parts of it give it away.
LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("socket", "psycopg2")]
FORMS = (PASSWORD, quote(PASSWORD, safe=""), "S3cret")


@dataclass(frozen=True)
class Stores:
    """Where a study is kept and recorded, and the folder that it runs in."""

    folder: Path
    storage: str
    tracking: str
    said: list[str]

    def call(self, command: object, *arguments: str) -> CompletedProcess[str]:
        done = call(command, self.folder, *arguments)  # type: ignore[arg-type]
        self.said.extend((done.stdout, done.stderr))
        return done

    def study(self, *arguments: str) -> CompletedProcess[str]:
        places = (f"storage.url={self.storage}", f"tracking.uri={self.tracking}", f"model.name={self.folder / 'model'}")
        return self.call(cli.main, *SMALL, *places, *arguments)


@pytest.fixture(scope="module", params=["loopback", *LONG])
def stores(request: pytest.FixtureRequest, postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """The stores of a study of two trials that has been begun with one and has gone on."""
    folder, by_socket = tmp_path_factory.mktemp("small"), request.param == "socket"
    save_model(folder / "model")
    urls = (postgresql.database(by_socket) for _ in range(2))
    driver = "postgresql+psycopg2" if request.param == "psycopg2" else "postgresql"
    made = Stores(folder, *(url.replace("postgresql", driver, 1) for url in urls), [])
    for trials in (1, 2):
        done = made.study(f"study.trials={trials}")
        assert done.returncode == 0, done.stderr
    return made


def lora_report(arguments: list[str]) -> NoReturn:
    command.run("lora-report", lambda: report._run(arguments))


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own answers, which takes seconds."""
    monkeypatch.setattr(measure, "_answer_apart", lambda *_: {"empty": 1, "peak": 2, "seconds": [0.001]})


def trials(stores: Stores) -> list[tuple[int, str, list[float]]]:
    kept = storage(stores.storage)
    study = next(study for study in kept.get_all_studies() if study.study_name == "small")
    return [(trial.number, trial.state.name, trial.values) for trial in kept.get_all_trials(study._study_id)]


def cells(url: str) -> Iterator[tuple[str, str]]:
    """Every value of every table of a database as text, with the table's name."""
    engine = create_engine(url)
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            for row in connection.execute(text(f'select * from "{table}"')):
                yield from ((table, str(value)) for value in row)
    engine.dispose()


def test_a_study_runs_and_goes_on_to_its_total_and_never_twice(stores: Stores) -> None:
    assert [(number, state) for number, state, _ in trials(stores)] == [(0, "COMPLETE"), (1, "COMPLETE")]
    runs = load_study("small", stores.tracking)
    assert [*runs.trials["number"]] == [0, 1]
    assert [(number, score) for number, _, (score, *_) in trials(stores)] == [
        *zip(runs.trials["number"], runs.trials["score"], strict=True)
    ]


@pytest.mark.usefixtures("unmeasured")
def test_its_report_is_written_and_its_models_are_exported_without_the_second_password(stores: Stores) -> None:
    done = stores.call(lora_report, "study=small", f"tracking.uri={stores.tracking}")
    assert done.returncode == 0, done.stderr
    exported = (
        "study=small",
        "format=merged",
        f"storage.url={stores.storage}",
        "trust_remote_code=true",
    )  # the toy launcher
    done = stores.call(export.main, *exported)  # of one user on one server
    assert done.returncode == 0, done.stderr


def test_the_password_is_nowhere(stores: Stores) -> None:
    files = {path: path.read_bytes() for path in stores.folder.rglob("*") if path.is_file()}
    assert any(path.name == "config.yaml" for path in files)
    assert any(path.name == "index.html" for path in files)
    for form in FORMS:
        assert [str(path) for path, content in files.items() if form.encode() in content] == []
        assert [place for url in (stores.storage, stores.tracking) for place in cells(url) if form in place[1]] == []
        assert [line for said in stores.said for line in said.splitlines() if form in line] == []
    masked = [make_url(url).render_as_string(hide_password=True) for url in (stores.storage, stores.tracking)]
    assert all(any(url in value for _, value in cells(stores.tracking)) for url in masked)
    assert any(masked[1] in said for said in stores.said)
