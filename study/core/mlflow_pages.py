"""Where MLflow shows a study and its runs in a browser."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from study.core.mlflow_store import STATE, VARIABLE, address
from study.core.secrets import mask

WEB = ("http", "https")
LOCAL = "http://127.0.0.1:5000"  # where `mlflow ui` shows a store unless it is told otherwise
# MLflow's pages know two kinds of work, and hide notes and parameters from who has not chosen this one.
KIND = {"workflowType": "machine_learning"}
VIEW = "mlflow.sharedViewState."  # before the key of a view: the experiment's tag by which MLflow finds it
ATTRIBUTES = ("Duration",)


def pages_at(uri: str) -> str:
    """The address of the pages of the store at `uri`, without a password; "" where no server keeps it."""
    parts = urlsplit(uri)
    if parts.scheme not in WEB:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def ui_command(given: str | None) -> str:
    """The command that shows the store's pages at :data:`LOCAL`, without a password; "" where a server shows them."""
    key, uri = address(given)
    if pages_at(uri):
        return ""
    return shlex.join(["mlflow", "ui", *(["--backend-store-uri", mask(uri)] if given or key == VARIABLE else [])])


def run_place(experiment: str, run: str, inside: str = "") -> str:
    """Where a run's page is below the address of all pages; `inside` names a file among its artifacts."""
    artifact = f"/artifacts/{quote(inside)}" if inside else ""
    return f"#/experiments/{quote(experiment, '')}/runs/{quote(run, '')}{artifact}?{urlencode(KIND)}"


def trials_place(experiment: str, study: str, viewed: bool) -> str:
    """Where the trials of a study run are listed, best first; by its view if the experiment has it (:func:`view`)."""
    query = {"viewStateShareKey": view_key(study)} if viewed else _best_first(study)
    return f"#/experiments/{quote(experiment, '')}/runs?{urlencode({**query, **KIND}, quote_via=quote)}"


def view_key(study: str) -> str:
    """What the view of a study run's trials is called."""
    return f"lora-study-{study}"


def view_tag(study: str) -> str:
    """The experiment's tag that holds the view."""
    return VIEW + view_key(study)


def view(study: str, figures: Iterable[str], settings: Iterable[str], constrained: bool = False) -> str:
    """A view of MLflow's table of runs: the study run's trials, best first, with columns of these metrics and
    parameters; where the study is `constrained`, of trials that are known to keep its constraints."""
    columns = [
        *(f"attributes.`{name}`" for name in ATTRIBUTES),
        *(f"metrics.`{name}`" for name in figures),
        *(f"params.`{name}`" for name in settings),
    ]
    listed = _best_first(study)
    if constrained:
        listed["searchFilter"] += f" AND tags.`{STATE}` = 'complete'"
    return json.dumps({**listed, "orderByAsc": False, "selectedColumns": columns})


def _best_first(study: str) -> dict[str, str]:
    """Whole trials alone: the mean of a trial that was stopped is one of other folds."""
    whole = f"tags.`mlflow.parentRunId` = '{study}' AND attributes.status = 'FINISHED'"
    return {"searchFilter": whole, "orderByKey": "metrics.`score`", "orderByAsc": "false"}
