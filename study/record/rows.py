"""Runs in a database of MLflow's, written as its rows: a whole run is one transaction, and ten of them one too."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.record.runs import Begun, Ended, Figure, RunEnd, Runs, mlflow_metrics, stamp_of

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# Columns of MLflow's tables that are written here; where it has others, its client is to write them.
COLUMNS = {
    "runs": "run_uuid name source_type source_name entry_point_name user_id status start_time end_time deleted_time "
    "source_version lifecycle_stage artifact_uri experiment_id",
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "metrics": "key value timestamp step is_nan run_uuid",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
}
RUNNING = "RUNNING"


def runs_of(client: MlflowClient, experiment: str) -> Runs:
    """The runs of an experiment: as rows where its store is a database of the tables that are known here."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = client._tracking_client.store
    return Rows(client, experiment) if type(store) is SqlAlchemyStore and _is_known() else Runs(client, experiment)


def _tables() -> dict[str, Any]:
    from mlflow.store.tracking.dbmodels import models

    orm: list[Any] = [models.SqlRun, models.SqlTag, models.SqlParam, models.SqlMetric, models.SqlLatestMetric]
    return {model.__table__.name: model.__table__ for model in orm}


def _is_known() -> bool:
    return {name: {*table.columns.keys()} for name, table in _tables().items()} == {
        name: {*columns.split()} for name, columns in COLUMNS.items()
    }


class Rows(Runs):
    """What MLflow's client would write, in one transaction instead of four to six of a call each."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        super().__init__(client, experiment)
        self.store, self.tables = client._tracking_client.store, _tables()
        self.artifacts = client.get_experiment(experiment).artifact_location

    def begin(self, runs: Sequence[Begun]) -> list[str]:
        rows, made = _Rows(self), []
        for each in runs:
            run = rows.begin(each.name, self._tags(each.level, each.tags, each.parent), RUNNING, each.started)
            rows.set_params(run, each.params)
            made.append(run)
        if made:
            rows.write()
        return made

    def add(self, runs: Sequence[Ended]) -> list[str]:
        rows, made = _Rows(self), []
        for each in runs:
            tags = self._tags(each.level, each.tags, each.parent)
            run = rows.begin(each.name, tags, each.status, each.started, stamp_of(each.ended))
            rows.set_figures(run, each.figures, stamp_of(each.ended))
            made.append(run)
        if made:
            rows.write()
        return made

    def put(self, run: str, name: str, text: str) -> None:
        from mlflow.utils.file_utils import local_file_uri_to_path
        from mlflow.utils.uri import append_to_uri_path, is_local_uri

        if not is_local_uri(self.artifacts):
            super().put(run, name, text)
            return
        folder = Path(local_file_uri_to_path(append_to_uri_path(self.artifacts, run, "artifacts")))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")  # half of one, of a killed driver, is written once more

    def finish(self, endings: Sequence[RunEnd]) -> None:
        rows = _Rows(self)
        for each in endings:
            rows.set_tags(each.run, each.tags)
            rows.set_figures(each.run, each.figures, stamp_of(None))
        if endings:
            rows.write({e.run: {"status": e.status, "end_time": stamp_of(e.ended)} for e in endings})


class _Rows:
    """Rows on their way into the tables."""

    def __init__(self, runs: Rows) -> None:
        self.runs = runs
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}

    def begin(
        self, name: str, tags: dict[str, str], status: str, started: float | None, ended: int | None = None
    ) -> str:
        from mlflow.utils.uri import append_to_uri_path

        run = uuid.uuid4().hex
        self.rows["runs"].append({
            "run_uuid": run, "name": name, "source_type": "UNKNOWN", "source_name": "", "entry_point_name": "",
            "user_id": "unknown", "status": status, "start_time": stamp_of(started), "end_time": ended,
            "deleted_time": None, "source_version": "", "lifecycle_stage": "active",
            "artifact_uri": append_to_uri_path(self.runs.artifacts, run, "artifacts"),
            "experiment_id": int(self.runs.experiment),
        })  # fmt: skip
        self.set_tags(run, {**tags, "mlflow.runName": name})
        return run

    def set_tags(self, run: str, tags: dict[str, str]) -> None:
        from mlflow.utils.validation import _validate_tag

        sound = [_validate_tag(key, value) for key, value in tags.items()]
        self.rows["tags"] += [{"key": tag.key, "value": tag.value, "run_uuid": run} for tag in sound]

    def set_params(self, run: str, params: dict[str, str]) -> None:
        from mlflow.utils.validation import _validate_param

        sound = [_validate_param(key, value) for key, value in params.items()]
        self.rows["params"] += [{"key": param.key, "value": param.value, "run_uuid": run} for param in sound]

    def set_figures(self, run: str, figures: Iterable[Figure], stamp: int) -> None:
        """Each figure, and of each the one of the last step beside them."""
        latest: dict[str, dict[str, Any]] = {}
        for metric in mlflow_metrics(figures, stamp):
            row = {"key": metric.key, "value": float(metric.value), "timestamp": stamp, "step": metric.step}
            row |= {"is_nan": False, "run_uuid": run}
            self.rows["metrics"].append(row)
            if metric.key not in latest or latest[metric.key]["step"] < metric.step:
                latest[metric.key] = row
        self.rows["latest_metrics"] += latest.values()

    def write(self, changes: Mapping[str, dict[str, Any]] | None = None) -> None:
        """All of it or nothing; `changes` are of runs that are there already, whose rows of the same names give way."""
        tables = self.runs.tables
        with self.runs.store.ManagedSessionMaker(read_only=False) as session:
            for run, values in (changes or {}).items():
                session.execute(tables["runs"].update().where(tables["runs"].c.run_uuid == run).values(**values))
            for name, rows in self.rows.items():
                if rows and changes:
                    alike = [{"of": row["run_uuid"], "name": row["key"]} for row in rows]
                    session.execute(_delete_alike(tables[name]), alike)
                if rows:
                    session.execute(tables[name].insert(), rows)


def _delete_alike(table: Any) -> Any:
    """What deletes the rows of a run under a name."""
    from sqlalchemy import bindparam

    return table.delete().where(table.c.run_uuid == bindparam("of"), table.c.key == bindparam("name"))
