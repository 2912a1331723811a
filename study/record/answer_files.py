"""The files of a trial's run that say what each example was answered."""

from __future__ import annotations

import json

from study.core import answer_tables
from study.core.answer_tables import Table
from study.core.mlflow_store import TABLES
from study.record.runs import Runs


def put_answers(runs: Runs, run: str, table: Table, name: str, before: list[str]) -> dict[str, str]:
    """Write a table under its name; the tag by which MLflow's pages know which files are tables, this one and those
    `before` it, is to be set once it is there."""
    runs.put(run, name, answer_tables.to_json(table))
    tables = json.dumps([{"path": path, "type": "table"} for path in (*before, name)])
    return {TABLES: tables}
