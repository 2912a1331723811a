"""A study goes on, and is exported, over what it began with: other data, model files or keys are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import reviews, write_csv
from tiny import as_pickles, save_model, shifted

from study.config.options import LOCAL, UNTRACKED
from study.config.schema import (
    EngineConfig,
    MethodConfig,
    ModelConfig,
    SearchConfig,
    StorageConfig,
    StudyConfig,
    StudySettings,
    TaskConfig,
    TrainConfig,
)
from study.config.space import parse_space
from study.config.values import plain
from study.core.errors import AssetError, ResumeError
from study.core.records import Fold
from study.data.examples import Texts
from study.export.job import retrain
from study.export.job.request import Wanted
from study.export.job.run import run_export
from study.models import backbones
from study.search import resume
from study.search.driver import run_study
from study.search.identity import defaults_of, differences, values_of
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.stored import CONFIG, find, folds_of


def run(folder: Path, name: str = "mine", trials: int = 1, cache_gb: float = 1.0) -> list[dict[str, float]]:
    """The figures of the folds of a study of the folder's model and table."""
    url = f"sqlite:///{folder}/studies.db"
    config = StudyConfig(
        study=StudySettings(name, trials=trials, folds=2),
        task=TaskConfig("file", path=str(folder / "t.csv"), text="review", label="stars", test_fraction=0.0),
        model=ModelConfig(str(folder / "model"), max_length=16),
        method=MethodConfig("lora", rank=2, layers="top-1"),
        train=TrainConfig(epochs=1),
        search=SearchConfig(baselines=[]),
        engine=EngineConfig(cache_gb=cache_gb),
        launcher={**LOCAL, "workers": 1},
        storage=StorageConfig(url),
        tracking=UNTRACKED,
    )
    assert run_study(config, [], lambda _: folder / "none") == 0
    return [f.metrics for f in folds_of(find(url, name)[0].trials[0]).values()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a study of a model with pickled weights has run, whose weights were then replaced."""
    folder = tmp_path_factory.mktemp("home")
    write_csv(folder / "t.csv", reviews(48))
    as_pickles(save_model(folder / "model"))
    (folder / "before.json").write_text(json.dumps([f["loss"] for f in run(folder)]))
    shifted(folder / "model" / "pytorch_model.bin")
    return folder


def test_other_weights_in_place_are_named_where_a_study_would_go_on(home: Path) -> None:
    with pytest.raises(ResumeError, match=rf"other model files in {home}/model, .*; bring the former"):
        run(home, trials=2)
    assert len(find(f"sqlite:///{home}/studies.db", "mine")[0].trials) == 1


@pytest.mark.parametrize("name", ["merged", "peft", "onnx", "all"])
def test_other_weights_in_place_are_named_where_a_study_would_be_exported(
    home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrain, "train", lambda *_: pytest.fail("a model was trained"))
    wanted = Wanted("mine", f"sqlite:///{home}/studies.db", formats=(name,), out=tmp_path / "exports")
    with pytest.raises(ResumeError, match=rf"study.name=mine: was run with other model files in {home}/model"):
        run_export(wanted)
    assert list(tmp_path.iterdir()) == []


def test_a_new_study_over_other_weights_has_their_results_and_not_what_was_kept(home: Path) -> None:
    before = json.loads((home / "before.json").read_text())
    fresh, uncached = run(home, "new"), run(home, "uncached", cache_gb=0)
    assert [f["loss"] for f in fresh] == pytest.approx([f["loss"] for f in uncached], abs=1e-6)
    assert np.abs(np.array([f["loss"] for f in fresh]) - before).max() > 1e-4


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    config = replace(
        StudyConfig(), model=ModelConfig(str(save_model(tmp_path / "model"))),
        storage=StorageConfig(f"sqlite:///{tmp_path / 'a.db'}"), space={"method.rank": "choice(1,2)"},
        task=TaskConfig("file", path="t.csv", text="review", label="stars"),
    )  # fmt: skip
    folds = (Fold(0, np.arange(4), np.arange(4, 8)),)
    return Plan(
        config, parse_space(config), Texts(("a",) * 8, np.arange(8) % 2, ("n", "p")), folds, "folds", np.arange(0)
    )


def configured(**parts: object) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, config=replace(plan.config, **parts))


def with_file(name: str) -> Callable[[Plan], Plan]:
    def change(plan: Plan) -> Plan:
        file = Path(plan.config.model.name) / name
        if file.exists():
            shifted(file)
        else:
            file.write_text("a")
        return replace(plan)

    return change


def with_label(plan: Plan) -> Plan:
    return replace(plan, examples=Texts(("b", *"a" * 7), np.arange(8) % 2, ("n", "p")), folds_fingerprint="others")


CHANGES: dict[str, tuple[Callable[[Plan], Plan], str]] = {
    "weights": (with_file("model.safetensors"), "other model files in .*/model, which have changed since"),
    "a vocabulary": (with_file("vocab.txt"), "other model files in .*/model"),
    "a data set": (with_label, "other data: the examples of t.csv have changed since.* former files"),
    "folds": (lambda plan: replace(plan, folds_fingerprint="g"), r"other folds \(study.folds\)"),
    "a seed": (configured(study=StudySettings(seed=7)), r"another study.seed \(0 before, 7 now\)"),
    "a rate": (configured(train=TrainConfig(lr=0.5)), r"another train.lr \(0\.\d+ before, 0\.5 now\).* repeat"),
    "a space": (configured(space={"method.rank": "choice(1,4)"}), r"another space.method.rank \(choice\(1,2\) before"),
    "an objective": (configured(objectives=["score"]), r"another objectives \("),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("resumed", [True, False])
def test_what_has_changed_is_named(plan: Plan, change: str, resumed: bool) -> None:
    Ledger(plan).keep_config()
    make, said = CHANGES[change]
    with pytest.raises(ResumeError, match=said) as caught:
        Ledger(make(plan), resumed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", ["a seed", "a rate", "a space", "weights", "a data set"])
def test_a_study_stored_without_its_identity_names_what_its_configuration_tells(plan: Plan, change: str) -> None:
    Ledger(plan).study.set_user_attr(CONFIG, json.dumps(plain(plan.config)))
    make, said = CHANGES[change]
    files = change in ("weights", "a data set")
    with pytest.raises(ResumeError, match="on other data, or on other files of its model" if files else said):
        Ledger(make(plan))


def test_nothing_has_changed_where_nothing_has(plan: Plan) -> None:
    Ledger(plan).keep_config()
    Ledger(replace(plan)).keep_config()
    assert len(Ledger(plan, resumed=False).trials()) == 0


@given(st.sampled_from(["task", "train", "method", "search", "sampler"]), st.text("abc", min_size=1, max_size=60))
def test_whichever_key_differs_is_named(part: str, value: str) -> None:
    now = values_of(StudyConfig(), {}, {"data": "d", "folds": "f"})
    for key in (key for key in now if key.startswith(f"{part}.")):
        changed = differences({**now, key: value}, now, defaults_of(StudyConfig()))
        rule, remedy = resume.explain(changed, now)
        assert f"another {key} (" in rule
        assert "former files" not in remedy


@pytest.mark.parametrize("text", ['{"base_model_name_or_path": "org/base"}', "{}", "no JSON", "[]"])
def test_a_folder_of_an_adapter_is_no_model(tmp_path: Path, text: str) -> None:
    folder = save_model(tmp_path / "model")
    (folder / "adapter_config.json").write_text(text)
    base = "org/base" if "org" in text else "another model"
    with pytest.raises(AssetError, match=f"is a PEFT adapter over {base}, .*; merge it first"):
        backbones.geometry(ModelConfig(str(folder)), Texts(("a",) * 2, np.arange(2), ("n", "p")))
