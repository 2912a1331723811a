"""What would make an export fail is said before anything is trained, and nothing is created."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from exports import folder_of
from mlflow import MlflowClient
from tiny import configuration

from study.config.members import TrialResult
from study.core.errors import StudyError
from study.export.formats import FORMATS, get
from study.export.job import checks, request, retrain
from study.export.job.request import Wanted
from study.export.job.run import run_export
from study.search.planning import make_plan
from study.search.stored import find

HEAD, FULL, LORA = range(3)  # baselines come first
Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch: Patch) -> None:
    def trained(*_: object) -> None:
        raise AssertionError("a model was trained before the mistake was said")

    monkeypatch.setattr(retrain, "train", trained)


class Bytes(transformers.ByT5Tokenizer):  # type: ignore[misc]
    """A tokenizer written in Python, whose ids are all within the tiny model's embeddings."""

    def _convert_token_to_id(self, token: str) -> int:
        return int(super()._convert_token_to_id(token)) % 50


def python_tokenizer(home: Path, wanted: Wanted, patch: Patch) -> Wanted:
    patch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_, **__: Bytes())
    return wanted


def read_only(where: Callable[[Path, Wanted], Path]) -> Callable[[Path, Wanted, Patch], Wanted]:
    """Root may write everywhere, so that a folder or file is only said to be read-only."""

    def prepared(home: Path, wanted: Wanted, patch: Patch) -> Wanted:
        path, access = where(home, wanted), os.access
        patch.setattr(os, "access", lambda p, mode: Path(p) != path and access(p, mode))
        return wanted

    return prepared


def earlier_export(home: Path, wanted: Wanted) -> Path:
    folder = folder_of(wanted, FULL, "merged")
    folder.mkdir(parents=True)
    (folder / "lora_study.json").write_text("{}")
    return folder.parent


def link(home: Path, wanted: Wanted, patch: Patch) -> Wanted:
    folder = folder_of(wanted, FULL, "merged")
    folder.parent.mkdir(parents=True)
    folder.symlink_to(home / "nowhere")
    return wanted


def file_there(home: Path, wanted: Wanted, patch: Patch) -> Wanted:
    folder_of(wanted, FULL, "merged").parent.mkdir(parents=True)
    folder_of(wanted, FULL, "merged").write_text("a")
    return wanted


def registered(name: str) -> Callable[[Path, Wanted, Patch], Wanted]:
    return lambda home, wanted, patch: replace(wanted, register=name)


def broken_package(home: Path, wanted: Wanted, patch: Patch) -> Wanted:
    package = wanted.out.parent.parent / f"{wanted.out.parent.name}-packages" / "onnxscript"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('built for another onnx')")
    patch.delitem(sys.modules, "onnxscript", raising=False)
    patch.syspath_prepend(package.parent)
    return replace(wanted, formats=("onnx",))


WRONG: dict[str, tuple[Callable[[Path, Wanted, Patch], Wanted], str]] = {
    "a tokenizer without a fast version": (python_tokenizer, "written in Python, which exports cannot bring along"),
    "a read-only folder around": (read_only(lambda home, wanted: wanted.out.parent), "is read-only"),
    "a read-only folder of an earlier export": (read_only(earlier_export), "is read-only"),
    "a read-only study": (read_only(lambda home, _: home / "lora-study.db"), "storage.url=.*: is read-only"),
    "a read-only record": (read_only(lambda home, _: home / "mlflow.db"), "tracking.uri=.*: is read-only"),
    "a link in the export's place": (link, "is a link"),
    "a file in the export's place": (file_there, "there is no folder"),
    "a package that cannot be imported": (
        broken_package,
        "needs onnxscript, which is installed and cannot be imported",
    ),
    "a registered name with a slash": (registered("a/b"), "registered_name=a/b: MLflow does not register it"),
    "a registered name with a colon": (registered("a:b"), "registered_name=a:b: MLflow does not register it"),
    "no registered name": (registered(""), "MLflow does not register it"),
    "a registered name that is a place": (registered(".."), "MLflow does not register it"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_is_said_before_anything_is_trained(
    home: Path, wanted: Wanted, wrong: str, monkeypatch: Patch
) -> None:
    prepare, said = WRONG[wrong]
    wrongly = prepare(home, replace(wanted, trial=str(FULL), formats=("merged",)), monkeypatch)
    before = sorted(wanted.out.parent.rglob("*"))
    with pytest.raises(StudyError, match=said) as caught:
        run_export(wrongly)
    assert "\n" not in str(caught.value)
    assert sorted(wanted.out.parent.rglob("*")) == before


def test_artifacts_that_cannot_be_written_are_refused_where_a_model_is_registered(
    home: Path, wanted: Wanted, monkeypatch: Patch
) -> None:
    place = Path("/etc/hostname/artifacts")
    experiment = MlflowClient(f"sqlite:///{home}/mlflow.db").get_experiment_by_name("small")
    experiment._artifact_location = place.as_uri()
    monkeypatch.setattr(MlflowClient, "get_experiment", lambda *_: experiment)
    with pytest.raises(StudyError, match=f"MLflow's artifacts in={place}"):
        run_export(replace(wanted, trial=str(FULL), formats=("merged",), register="mine"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_trial_that_adapts_no_layer_has_no_adapter(wanted: Wanted, name: str) -> None:
    plan = make_plan(find(wanted.storage, "small")[1])
    none = replace(configuration(kind="lora", rank="ffn:0", targets="ffn"), model=plan.config.model)
    refusal = request._refusal(get(name), plan, TrialResult(9, none, ()), "classify")
    expected = {"peft": "method.rank=ffn:0 adapts no layer", "compressed": "keeps B C alone"}.get(name)
    assert (refusal is None) == (expected is None)
    assert expected is None or expected in refusal[0]  # type: ignore[index]


def test_what_may_be_written_passes(home: Path, tmp_path: Path) -> None:
    checks.check_folder(tmp_path / "new" / "deep")
    checks.check_writable("storage.url", f"sqlite:///{home}/lora-study.db")
    checks.check_writable("tracking.uri", "postgresql://host/name")
