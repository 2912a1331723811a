"""A synthetic study in an MLflow database, written once a session as study/record/mlflow.py writes it."""

from __future__ import annotations

import json
import math

import pytest

from study.core.records import Adaptation

NAMES = {"attention.self.query": "qv", "attention.self.value": "qv", "output.dense": "ffn"}
LINEARS = {
    "stacks": {"": 4},
    "modules": [
        {
            "stack": "", "part": "", "name": name, "path": f"encoder.layer.{{}}.{name}", "blocks": [0, 1, 2, 3],
            "groups": [group, "all-linear"], "in": 8, "out": 8,
        }
        for name, group in NAMES.items()
    ],
}  # fmt: skip
# label, kind, rank, λ, fold scores, trained parameters
TRIALS = [
    ("head", "head", 8, "None", (0.70, 0.71, 0.72), 100),
    ("lora r2 qv all", "lora", 2, "None", (0.80, 0.81, 0.82), 1000),
    ("lora r4 λ10 qv top-half", "lora", 4, "10.0", (0.899, 0.901, 0.915), 2000),
    ("lora r8 <b>qv</b> all", "lora", 8, "0.5", (0.90, 0.91, 0.92), 4000),
    ("lora r16 qv all", "lora", 16, "0.5", (0.845, 0.853, 0.862), 8000),
]
REFERENCES = {
    "reference/majority/accuracy": 0.52, "reference/majority/accuracy_se": 0.004,
    "reference/majority/macro_f1": 0.34, "reference/majority/macro_f1_se": 0.002,
    "reference/majority/test/accuracy": 0.51,
}  # fmt: skip


def run_of(client, experiment, tags, params, metrics, status="FINISHED"):
    """Log one run in one batch and end it with `status`."""
    from mlflow.entities import Metric, Param, RunTag

    run = client.create_run(experiment).info.run_id
    client.log_batch(
        run,
        [Metric(k, v, 0, 0) for k, v in metrics.items()],
        [Param(k, str(v)) for k, v in params.items()],
        [RunTag(k if k.startswith("mlflow.") else f"lora_study.{k}", v) for k, v in tags.items()],
    )
    client.set_terminated(run, status) if status != "RUNNING" else None
    return run


def study_of(client, name, trials=TRIALS, others=(), references=None):
    """Write one study run with complete `trials` and runs of `others` (status, extra tags)."""
    known = client.get_experiment_by_name(name)
    experiment = known.experiment_id if known else client.create_experiment(name)
    tags = {
        "level": "study", "metric": "accuracy", "directions": '["maximize", "minimize"]', "git_commit": "abc123",
        "notes": '{"duplicates dropped": "2"}',
        "linears": json.dumps(LINEARS), "versions": '{"torch": "2.13"}', "data_fingerprint": "d4t4",
    }  # fmt: skip
    params = {"objectives": '["score", "params/trainable"]', "study.folds": 3, "task.name": "sentiment"}
    study = run_of(client, experiment, tags, params, references or {})
    number = 0
    for number, trial in enumerate(trials):
        trial_of(client, experiment, study, number, trial)
    for extra, (status, more) in enumerate(others, number + 1):
        trial_of(client, experiment, study, extra, TRIALS[1], status, more)
    return study


def trial_of(client, experiment, study, number, trial, status="FINISHED", more=None):
    """Write one trial run; only a finished one has metrics."""
    label, kind, rank, lam, scores, parameters = trial
    tags = {"level": "trial", "trial": str(number), "label": label, "mlflow.parentRunId": study} | (more or {})
    tags |= {"baseline": "head"} if kind == "head" else {}
    layers = "top-half" if "top-half" in label else "all"
    params = {"method.kind": kind, "method.rank": rank, "method.lam": lam, "method.layers": layers}
    metrics = {"score": sum(scores) / 3, "score_se": 0.006, "params/trainable": parameters}
    metrics |= {"accuracy": sum(scores) / 3, "macro_f1": 0.123 if number else 0.456}
    metrics |= {f"score/fold_{i}": s for i, s in enumerate(scores)} | {"memory/train_bytes": 2**20 * (10 + number)}
    tags["adaptation"] = adaptation_of(kind, layers).to_json()
    run_of(client, experiment, tags, params | {"method.targets": "qv"}, metrics if status == "FINISHED" else {}, status)


def adaptation_of(kind, layers):
    """What a trial on queries and values comes to on the four blocks of LINEARS."""
    names = [name for name, group in NAMES.items() if group == "qv" and kind != "head"]
    lowest = 2 if layers == "top-half" else 0
    ranks = {f"encoder.layer.{block}.{name}": 4 for block in range(lowest, 4) for name in names}
    return Adaptation(ranks, lowest if ranks else 4, 32 * len(ranks), 1000)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """The URI of a database with five studies."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    study_of(client, "demo", TRIALS[:1])
    others = [("FAILED", {}), ("RUNNING", {}), ("FINISHED", {"duplicate_of": "1"})]
    study_of(client, "demo", others=others, references=REFERENCES)
    study_of(client, "one", TRIALS[1:2])
    study_of(client, "none", [], [("FAILED", {"error": "boom"})])
    patterns = ("lora r attention:8,ffn:2 all", "lora", "attention:8,ffn:2", "None", (0.8, 0.81, 0.85), 3000)
    study_of(client, "patterns", [TRIALS[1], patterns])
    client.create_experiment("foreign")
    return uri


@pytest.fixture(scope="session")
def traced(tmp_path_factory):
    """The URI of a study whose first trial has two folds of three epochs, whose score was taken after the last."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    uri = f"sqlite:///{tmp_path_factory.mktemp('epochs')}/mlflow.db"
    client = MlflowClient(tracking_uri=uri)
    study = study_of(client, "demo", TRIALS[:3])
    experiment = client.get_experiment_by_name("demo").experiment_id
    trials = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{study}'")
    parent = next(run.info.run_id for run in trials if run.data.tags["lora_study.trial"] == "0")
    for fold, losses in {0: (0.7, 0.5, 0.3), 1: (0.8, 0.4, 0.2)}.items():
        tags = {"level": "fold", "trial": "0", "fold": str(fold), "mlflow.parentRunId": parent}
        run = run_of(client, experiment, tags, {}, {"score": 0.5}, "RUNNING")
        metrics = [Metric("epoch/loss", value, 0, epoch) for epoch, value in enumerate(losses, 1)]
        client.log_batch(run, [*metrics, Metric("epoch/score", 0.5 + fold / 10, 0, 3)])
        client.set_terminated(run, "FINISHED")
    return uri


@pytest.fixture
def comma(tmp_path):
    """The URI of a database with one study, whose name has a comma."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/comma.db"
    study_of(MlflowClient(tracking_uri=uri), "a,b", TRIALS[:2])
    return uri


@pytest.fixture
def fresh(tmp_path):
    """The URI of a database with the study demo, which no other test has made a report of."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/fresh.db"
    study_of(MlflowClient(tracking_uri=uri), "demo")
    return uri


@pytest.fixture(params=[math.nan, *(pytest.param(odd, marks=pytest.mark.long) for odd in (math.inf, -math.inf))])
def odd(request, tmp_path_factory):
    """The URI of a database with a study of which a fold's score, a cost and a reference are no numbers."""
    from mlflow import MlflowClient

    uri, none = f"sqlite:///{tmp_path_factory.mktemp('odd')}/mlflow.db", request.param
    client = MlflowClient(tracking_uri=uri)
    study = study_of(client, "odd", references={"reference/majority/accuracy": none})
    experiment = client.get_experiment_by_name("odd").experiment_id
    label, kind, rank, lam, _, parameters = TRIALS[1]
    trial_of(client, experiment, study, 8, (label, kind, rank, lam, (none, 0.8, 0.9), parameters))
    trial_of(client, experiment, study, 9, (label, kind, rank, lam, (0.99, 0.99, 0.99), none))
    return uri


@pytest.fixture(scope="session")
def write_study():
    """What writes a study into a store: `study_of`."""
    return study_of


@pytest.fixture(scope="session")
def write_run():
    """What writes a run into a store: `run_of`."""
    return run_of
