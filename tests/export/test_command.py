"""The command, on a small study: exports are verified, measured, recorded; a mistake is one line and no file."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commandline import call
from exports import folder_of
from huggingface_hub import ModelCard
from mlflow.tracking import MlflowClient

from analysis.options import Options
from analysis.report import read_findings, write_report
from analysis.runs import load_study
from study.commands import arguments, export
from study.commands.export import renew_report
from study.config.schema import StorageConfig
from study.core.errors import ConfigError, StudyError
from study.core.figures import EXPORTED, FIGURES, MAXIMIZE
from study.export import load
from study.export.job import table, write
from study.export.job.card import LIBRARIES
from study.export.job.choice import choose, compared_trials
from study.export.job.record import TrialRun
from study.export.job.request import Wanted
from study.export.job.run import run_export
from study.record.none import NoTracker
from study.search.finish import record_exports
from study.search.ledger import Ledger
from study.search.planning import make_plan
from study.search.stored import exports_of, find

HEAD, FULL, LORA = range(3)  # baselines come first
TEXT = "a fine film"


def figures_of(wanted: Wanted, trial: int, label: str) -> dict[str, float]:
    return exports_of(find(wanted.storage, "small")[0])[trial, label]


def card_blocks(folder: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    ("formats", "names"),
    [
        (("merged",), ("merged",)),
        pytest.param(("all",), ("merged", "compressed", "onnx"), marks=pytest.mark.long),
    ],
    ids=["one", "all"],
)
def test_every_format_that_fits_is_written_measured_and_recorded(
    home: Path,
    wanted: Wanted,
    drop: int,
    capsys: pytest.CaptureFixture[str],
    formats: tuple[str, ...],
    names: tuple[str, ...],
) -> None:
    assert run_export(replace(wanted, trial=str(drop), formats=formats)) == 0
    said = capsys.readouterr()
    assert ("left out: format=peft" in said.err) is (formats == ("all",))
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    for name in names:
        figures, folder = figures_of(wanted, drop, name), folder_of(wanted, drop, name)
        assert set(EXPORTED) - set(figures) <= {"base_bytes"}
        assert figures["max_difference"] < 1e-5
        assert figures["bytes"] == sum(
            f.stat().st_size for f in folder.rglob("*") if f.is_file() and f.name != "README.md"
        )
        run_id = TrialRun(client.tracking_uri, "small", study_id(wanted), drop).run_id
        recorded = client.get_run(run_id).data.metrics
        assert {k: recorded[f"export/{name}/{k}"] for k in figures} == figures
        assert name in said.out
    parameters = {name: figures_of(wanted, drop, name)["parameters"] for name in names}
    assert parameters.get("compressed", 0) < parameters["merged"]
    answers = [load(folder_of(wanted, drop, name)).logits([TEXT, "b c"]) for name in names]
    assert np.ptp(answers, axis=0).max() < 1e-5


def study_id(wanted: Wanted) -> str:
    return f"small:{find(wanted.storage, 'small')[0].user_attrs['lora_study.fingerprint']}"


@pytest.mark.usefixtures("unmeasured")
def test_the_card_loads_what_it_describes(wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    run_export(replace(wanted, trial=str(LORA), formats=("peft", "merged")))
    for name in ("peft", "merged"):
        folder = folder_of(wanted, LORA, name)
        text = (folder / "README.md").read_text(encoding="utf-8")
        model = load(folder)
        ours, without = card_blocks(folder)
        capsys.readouterr()
        exec(ours, {})
        assert capsys.readouterr().out.strip() == str(model([TEXT]))
        names: dict[str, object] = {}
        exec(without, names)
        assert np.abs(names["logits"].detach().numpy() - model.logits([TEXT])).max() < 1e-5  # type: ignore[attr-defined]
        data = ModelCard(text).data
        assert (data.library_name, data.pipeline_tag) == (LIBRARIES[name], "text-classification")
        assert data.eval_results[0].metric_value == pytest.approx(figures_of(wanted, LORA, name)["test_score"])
        for said in ("the best:", "baseline ", "accuracy in cross-validation", "held-out examples", "data fingerprint"):
            assert said in text
    assert "base model must be at hand" in (folder_of(wanted, LORA, "peft") / "README.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("unmeasured")
def test_after_an_export_the_report_in_mlflow_is_the_new_one(home: Path, wanted: Wanted, tmp_path: Path) -> None:
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    experiment = client.get_experiment_by_name("small").experiment_id
    (study,) = client.search_runs([experiment], "tags.`lora_study.level` = 'study'")
    run_export(replace(wanted, trial=str(LORA), formats=("merged",)), renew_report)
    folder = client.download_artifacts(study.info.run_id, "report", str(tmp_path))
    page = (Path(folder) / "index.html").read_text(encoding="utf-8")
    stored = f"{figures_of(wanted, LORA, 'merged')['bytes'] / 1e6:,.1f} MB"
    assert stored in page.partition("Exported models</h2>")[2]


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("fate", ["renewed", "of another run", "absent", "refused"])
def test_after_an_export_the_report_that_the_study_wrote_is_the_new_one(
    home: Path, wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    fate: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    uri, page = f"sqlite:///{home}/mlflow.db", Path("reports/small/index.html")
    if fate != "absent":
        write_report("small", "reports", uri)
        page.write_text("old")
    if fate == "of another run":
        Path("reports/small/report.md").write_text("another")
    if fate == "refused":
        page.unlink()
        page.mkdir()
    run_export(replace(wanted, trial=str(LORA), formats=("merged",)), renew_report)
    out, err = capsys.readouterr()
    assert (f"Report: {page}" in out) == (fate == "renewed")
    assert ("The report in reports/small is still the old one: " in err) == (fate == "refused")
    assert "MLflow" not in err
    stored = f"{figures_of(wanted, LORA, 'merged')['bytes'] / 1e6:,.1f} MB"
    if fate == "renewed":
        assert stored in page.read_text(encoding="utf-8").partition("Exported models</h2>")[2]
    assert page.exists() == (fate != "absent")
    if fate == "of another run":
        assert page.read_text(encoding="utf-8") == "old"


def test_the_export_that_is_proposed_finds_the_study_in_a_store_of_another_name(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(home / "lora-study.db", "other.db")
    shown = table.render("small", {}, {}, set(), None, "sqlite:///other.db").partition("write ")[2]
    program, *words = shlex.split(shown)
    proposed = export._parse_wanted(arguments.compose(words))
    assert (program, find(proposed.storage, proposed.study)[0].study_name) == ("lora-export", "small")


@pytest.mark.usefixtures("unmeasured")
def test_the_cards_differences_are_those_of_the_report(home: Path, wanted: Wanted) -> None:
    uri = f"sqlite:///{home}/mlflow.db"
    judgement = read_findings(load_study("small", uri), uri, Options()).judgement
    other = HEAD if judgement.best != HEAD else LORA
    run_export(replace(wanted, trial=str(other), formats=("merged",)))
    text = (folder_of(wanted, other, "merged") / "README.md").read_text(encoding="utf-8")
    contrast = judgement.contrasts[judgement.row(other)]
    expected = f"{contrast.mean:+.4f} | [{contrast.low:+.4f}, {contrast.high:+.4f}]"
    assert f"| {judgement.best} | " in text
    assert expected in text
    within = judgement.verdict.within[judgement.row(other)]
    assert f"within 0.01 of the best configuration of the study with probability {within:.2f}" in text


def test_within_each_budget_the_report_and_the_export_take_the_same_trial(home: Path, wanted: Wanted) -> None:
    uri = f"sqlite:///{home}/mlflow.db"
    findings = read_findings(load_study("small", uri), uri, Options())
    ledger = Ledger(make_plan(replace(find(wanted.storage, "small")[1], storage=StorageConfig(wanted.storage))), False)
    results = compared_trials(ledger)
    assert {"params/trainable", "memory/train_bytes", "latency/ms", "speed/tokens_per_second"} < set(findings.budgets)
    for name, ladder in findings.budgets.items():
        relation = ">=" if FIGURES[name].direction == MAXIMIZE else "<="
        for step in (step for step in ladder.steps if step.number is not None):
            assert step.number == choose(f"{name}{relation}{step.limit!r}", ledger, results).trial


@pytest.mark.usefixtures("unmeasured")
def test_the_searched_export_is_the_model_whose_test_score_the_study_took(wanted: Wanted) -> None:
    study = find(wanted.storage, "small")[0]
    (number,) = [int(k.removeprefix("test:")) for k in study.user_attrs if k.startswith("test:")][:1]
    run_export(replace(wanted, trial=str(number), formats=("merged",)))
    assert figures_of(wanted, number, "merged")["test_score"] == pytest.approx(
        study.user_attrs[f"test:{number}"]["test/score"], abs=1e-6
    )


@pytest.mark.usefixtures("unmeasured")
def test_everything_is_trained_on_where_that_is_wanted_and_then_nothing_is_left_to_score(wanted: Wanted) -> None:
    run_export(replace(wanted, trial=str(HEAD), formats=("merged",)))
    run_export(replace(wanted, trial=str(HEAD), formats=("merged",), data="all"))
    assert "test_score" not in figures_of(wanted, HEAD, "merged-all")
    searched, everything = (load(folder_of(wanted, HEAD, name)) for name in ("merged", "merged-all"))
    assert np.abs(searched.logits([TEXT]) - everything.logits([TEXT])).max() > 1e-6


@pytest.mark.usefixtures("unmeasured")
def test_an_ensemble_averages_the_logits_of_the_folds(wanted: Wanted, keep: int) -> None:
    run_export(replace(wanted, trial=str(keep), formats=("merged",), data="ensemble"))
    folder = folder_of(wanted, keep, "merged-ensemble")
    members = [load(folder / name).logits([TEXT]) for name in ("fold-0", "fold-1")]
    assert np.abs(load(folder).logits([TEXT]) - np.mean(members, axis=0)).max() < 1e-6
    assert np.abs(members[0] - members[1]).max() > 1e-4
    assert figures_of(wanted, keep, "merged-ensemble")["max_difference"] < 1e-5


@pytest.mark.usefixtures("unmeasured")
def test_the_same_export_is_the_same_files(wanted: Wanted, keep: int) -> None:
    for out in ("one", "two"):
        run_export(replace(wanted, trial=str(keep), formats=("merged",), out=wanted.out / out))
    one, two = (folder_of(replace(wanted, out=wanted.out / out), keep, "merged") for out in ("one", "two"))
    for name in ("model.safetensors", "head.safetensors", "lora_study.json", "tokenizer.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


@pytest.mark.usefixtures("unmeasured")
def test_a_registered_model_predicts_the_labels_of_the_export(home: Path, wanted: Wanted) -> None:
    import mlflow

    uri = f"sqlite:///{home}/mlflow.db"
    run_export(replace(wanted, trial=str(FULL), formats=("merged",), register="small-model"))
    client = MlflowClient(uri)
    before = client.get_run(TrialRun(uri, "small", study_id(wanted), FULL).run_id).info
    assert before.status == "FINISHED"
    mlflow.set_tracking_uri(uri)
    try:
        served = mlflow.pyfunc.load_model("models:/small-model/1")
    finally:
        mlflow.set_tracking_uri(None)
    (kept,) = client.search_logged_models([before.experiment_id])  # beside the study's runs, not in the default place
    assert served.metadata.model_id == kept.model_id
    assert kept.source_run_id == before.run_id
    assert served.metadata.signature is not None
    assert served.input_example is not None
    texts = [TEXT, "b", "a b c d"]
    assert served.predict(texts)["label"].tolist() == load(folder_of(wanted, FULL, "merged"))(texts)


@pytest.mark.usefixtures("unmeasured")
def test_bounds_choose_among_trials_and_among_exports(wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    head = 2 * 16 + 2
    assert run_export(replace(wanted, trial=f"params<={head}", formats=("merged",), within="bytes<=1kB")) == 1
    assert f"trial-{HEAD}" in capsys.readouterr().out
    assert run_export(replace(wanted, within="bytes<=50MB,latency_p50_ms<=10000")) == 0
    assert "exports are within bytes<=50MB" in capsys.readouterr().out
    assert run_export(wanted) == 0
    assert "configuration" in capsys.readouterr().out


BAD = {
    "study=nobody format=merged": "choose one of: small",
    "format=merged": "study: must be given",
    "study=small trial=99 format=merged": "a number from 0 to 4",
    "study=small trial=soon format=merged": "neither best",
    "study=small trial=params<=3 format=merged": "params/trainable runs from 34",
    "study=small trial=weight<=3 format=merged": "weight is no figure",
    "study=small trial=params<=3furlongs format=merged": "furlongs is no unit",
    "study=small trial=params<= format=merged": "is no bound",
    "study=small trial=DROP format=peft": "write format=compressed or format=merged",
    "study=small trial=KEEP format=compressed": "write format=merged",
    f"study=small trial={HEAD} format=peft": "changes no layer",
    f"study=small trial={FULL} format=merged,peft": "changes every weight",
    "study=small format=tflite": "peft, merged, compressed, onnx",
    "study=small trial=best": "format: must be given",
    "study=small format=merged data=none": "searched, all",
    "study=small format=merged data=all ensemble=true": "leave data=all or ensemble=true away",
    "study=small format=merged out=model/config.json": "cannot be opened",
    "study=small within=bytes": "is no bound",
    "study=small nope=1": "nope",
    "study=small --nope": "--nope: is no flag; lora-export --hydra-help shows those that there are",
    "study=small format=merged registered_name=mine": "registered_name=mine: names a model that is not registered; add",
    "study=small format=merged storage.url=sqlite:///absent.db": "there is no such database",
    "study=small format=merged storage.url=sqlite:///mlflow.db": "without the tables of Optuna",
    "study=small format=merged tracking.uri=sqlite:///lora-study.db": "without the tables of MLflow",
}


@pytest.mark.parametrize("arguments", BAD)
def test_a_mistake_is_one_line_with_its_remedy_and_creates_nothing(
    home: Path,
    keep: int,
    drop: int,
    arguments: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from study.commands.export import main

    monkeypatch.chdir(home)
    before = sorted(home.iterdir())
    with pytest.raises(SystemExit) as left:
        main(arguments.replace("KEEP", str(keep)).replace("DROP", str(drop)).split(" "))
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert BAD[arguments] in said
    assert said.count("\n") == 1
    assert sorted(home.iterdir()) == before


def test_a_failed_or_unfinished_trial_is_refused_with_the_reason(wanted: Wanted) -> None:
    import optuna

    study = find(wanted.storage, "small")[0]
    copy = optuna.create_study(storage=optuna.storages.InMemoryStorage(), directions=study.directions)
    for state in (optuna.trial.TrialState.FAIL, optuna.trial.TrialState.RUNNING):
        attributes = study.trials[0].user_attrs if state.name == "RUNNING" else {}
        copy.add_trial(optuna.trial.create_trial(state=state, user_attrs=attributes))

    class Kept:
        trials = staticmethod(lambda: copy.trials)
        study = copy

    with pytest.raises(ConfigError, match=r"trial=0: has failed"):
        choose("0", Kept(), {})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"trial=1: is not finished; repeat the study's command"):
        choose("1", Kept(), {})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="has no complete trial"):
        choose("best", Kept(), {})  # type: ignore[arg-type]


def test_an_export_that_answers_otherwise_is_an_error_and_leaves_nothing(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "mean_logits", lambda trained, texts: np.ones((len(texts), 2), dtype=np.float32))
    with pytest.raises(StudyError, match="answers otherwise than the trained model"):
        run_export(replace(wanted, trial=str(HEAD), formats=("merged",)))
    assert not wanted.out.exists()


def test_figures_of_exports_come_back_into_a_record_made_anew() -> None:
    class Kept:
        exports = staticmethod(lambda: {(3, "onnx"): {"bytes": 5.0}})

    told: list[tuple[int, dict[str, float]]] = []

    class Told(NoTracker):
        def add_figures(self, number: int, figures: dict[str, float]) -> None:
            told.append((number, figures))

    record_exports(Kept(), Told())  # type: ignore[arg-type]
    assert told == [(3, {"export/onnx/bytes": 5.0})]


def test_a_folder_that_is_no_export_is_not_replaced(wanted: Wanted) -> None:
    mine = folder_of(wanted, HEAD, "merged")
    mine.mkdir(parents=True)
    (mine / "thesis.txt").write_text("years")
    with pytest.raises(ConfigError, match="is no export"):
        run_export(replace(wanted, trial=str(HEAD), formats=("merged",)))
    assert (mine / "thesis.txt").read_text() == "years"


def test_the_command_shows_its_keys_and_lists_what_there_is(home: Path) -> None:
    assert "lora-export study=NAME" in call(export.main, home, "--help").stdout
    shown = call(export.main, home, "study=small")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(("trial", "No trial"))
    assert json.dumps(sorted(p.name for p in home.iterdir())).count("outputs") == 0
