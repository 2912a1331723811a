"""Runs that are written as rows are what MLflow's client writes, and are there whole or not at all."""

from __future__ import annotations

import math
import tempfile
from multiprocessing import util
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from mlflow.exceptions import MlflowException

from study.record import rows
from study.record.client import make_client
from study.record.rows import Rows, runs_of
from study.record.runs import Begun, Ended, RunEnd, Runs

FIGURES = [("fold/score", 0.5, 0), ("epoch/loss", 0.75, 1), ("epoch/loss", 0.5, 2), ("fold/lost", math.inf, 0)]
UNLIKE = {"run_uuid", "artifact_uri", "timestamp"}  # what is drawn, or depends on the time of writing


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(name: str, kind: Any = runs_of) -> Runs:
    client = make_client(f"sqlite:///{Path.cwd() / name}.db")
    made: Runs = kind(client, client.create_experiment("study"))
    return made


def write(runs: Runs) -> None:
    """A trial with two folds; its summary is written twice, as by a driver that was killed in between."""
    trial = runs.create(Begun("00 r8", "trial", {"a": "b"}, {"method.rank": "8", "long": "x" * 7000}, "0" * 32, 7.0))
    ranked = Begun("01 r4", "trial", {}, {"method.rank": "4"}, started=7.5)
    other, _ = runs.begin([ranked, Begun("02 head", "trial", {"c": "d"}, started=8.0)])
    fold = Ended("00.0", "fold", {"lora_study.fold": "0"}, trial, FIGURES, "FINISHED", 7.0, 9.0)
    runs.add([fold, Ended("00.1", "fold", {}, trial, [], "FAILED", 7.0, 9.0)])
    for score in (0.25, 0.5):
        note = {"note": f"{score}" * 3000}
        runs.finish([RunEnd(run, [("score", score, 0)], note, "FINISHED", 9.0) for run in (trial, other)])


def content(runs: Runs) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables of runs, with the name of its run."""
    with runs.client._tracking_client.store.engine.connect() as connection:
        read = {
            name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for name, table in rows._tables().items()
        }
    names = {run["run_uuid"]: run["name"] for run in read["runs"]}
    assert all(row["timestamp"] > 0 for row in (*read["metrics"], *read["latest_metrics"]))
    for table in read.values():
        for row in table:
            row["run"] = names[row["run_uuid"]]
            if row.get("key") == "mlflow.parentRunId":
                row["value"] = names.get(row["value"], row["value"])
            for key in UNLIKE & row.keys():
                del row[key]
    return {name: sorted(table, key=str) for name, table in read.items()}


def test_rows_are_what_the_client_writes() -> None:
    ours, theirs = opened("ours"), opened("theirs", Runs)
    write(ours)
    write(theirs)
    assert type(ours) is Rows
    mine, others = content(ours), content(theirs)
    # The client keeps the history of a figure that was written again; here it gives way.
    others["metrics"] = [row for row in others["metrics"] if (row["key"], row["value"]) != ("score", 0.25)]
    assert mine == others
    assert len(mine["runs"]) == 5
    assert [row["value"] for row in mine["latest_metrics"] if row["key"] == "epoch/loss"] == [0.5]


def test_where_a_fold_s_files_would_lie_is_where_the_client_puts_them() -> None:
    places = {}
    for name, kind in (("ours", runs_of), ("theirs", Runs)):
        runs = opened(name, kind)
        run = runs.client.get_run(runs.create(Begun("a", "trial", {}))).info
        places[name] = run.artifact_uri.replace(run.run_id, "RUN")
        runs.client.log_text(run.run_id, "text", "file.txt")
        assert [file.path for file in runs.client.list_artifacts(run.run_id)] == ["file.txt"]
    assert places["ours"] == places["theirs"]


def test_many_whole_runs_are_one_transaction() -> None:
    runs, commits = opened("ours"), []
    trial = runs.create(Begun("a", "trial", {}))
    engine = runs.client._tracking_client.store.engine
    sqlalchemy.event.listen(engine, "commit", commits.append)
    runs.add([Ended(f"00.{n}", "fold", {}, trial, FIGURES, "FINISHED", 7.0, 9.0) for n in range(20)])
    assert len(commits) == 1
    assert len(content(runs)["runs"]) == 21


@pytest.mark.parametrize("wrong", ["an unknown table", "a wrong name"])
def test_what_cannot_be_written_whole_is_not_written(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = opened("ours")
    if wrong == "a wrong name":
        with pytest.raises(MlflowException, match="Invalid"):
            runs.create(Begun("a", "trial", {}, {"no*good": "1"}))
    else:
        assert isinstance(runs, Rows)
        monkeypatch.setitem(runs.tables, "metrics", sqlalchemy.table("none", sqlalchemy.column("key")))
        with pytest.raises(MlflowException):
            runs.add([Ended("00.0", "fold", {}, "0" * 32, FIGURES, "FINISHED", 7.0, 9.0)])
    assert content(runs)["runs"] == []


def test_tables_of_another_mlflow_are_left_to_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rows.COLUMNS, "runs", f"{rows.COLUMNS['runs']} colour")
    assert type(opened("ours")) is Runs


@pytest.mark.parametrize("kind", [runs_of, Runs])
def test_a_file_on_its_way_lies_where_nothing_is_left_of_a_process_that_is_killed(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = opened("files", kind)
    run = runs.create(Begun("00", "trial", {}))
    private = Path(util.get_temp_dir())
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null")  # no file can be made anywhere else
    runs.put(run, "answers.json", "[1, 2]\n")
    assert [path for path in private.rglob("*") if path.is_file()] == []
    store = runs.client.get_run(run)
    assert Path(store.info.artifact_uri, "answers.json").read_text() == "[1, 2]\n"
