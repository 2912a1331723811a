"""The run of the study itself: made or gone on with, and what each start of the study writes beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.config.schema import StudyConfig
from study.core import mlflow_pages
from study.core.figures import ERROR
from study.core.mlflow_store import TAG
from study.core.records import Provenance
from study.record.earlier import Earlier
from study.record.inputs import data_input, source_tags
from study.record.parameters import searched_keys, study_parameters
from study.record.runs import Begun, Runs

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def experiment_for(client: MlflowClient, name: str) -> str:
    """The id of the experiment of that name, which is made where there is none."""
    known = client.get_experiment_by_name(name)
    return str(known.experiment_id if known else client.create_experiment(name))


def begin_study(
    runs: Runs, known: Earlier, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]
) -> None:
    """Make the study's run where none is `known`, complete the one that is, and write what each start writes."""
    params = study_parameters(config)
    if known.root:  # which may have been cut off before its parameters were all there
        params = {key: value for key, value in params.items() if key not in known.parameters}
        runs.log(known.root, params=params)
    else:
        tags = {**provenance.tags, **source_tags(provenance.tags)}
        known.root = runs.create(Begun(config.study.name, "study", tags, params))
    known.parameters |= params
    _show_trials_best_first(runs, known.root, config)
    if data := data_input(config.task, provenance.tags):
        runs.client.log_inputs(known.root, [data])
    if arguments := provenance.tags.get(f"{TAG}arguments"):
        runs.client.set_tag(known.root, f"{TAG}arguments", arguments)  # as it was last run
    for name, content in artifacts.items():
        runs.client.log_dict(known.root, content, name)


def _show_trials_best_first(runs: Runs, root: str, config: StudyConfig) -> None:
    """Give MLflow's pages a view of the study's trials."""
    figures = dict.fromkeys(["score", f"score{ERROR}", *config.objectives])
    view = mlflow_pages.view(root, figures, sorted(searched_keys(config)), bool(config.constraints))
    runs.client.set_experiment_tag(runs.experiment, mlflow_pages.view_tag(root), view)
