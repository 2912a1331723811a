"""A small study that has run, which every test of the command exports from."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports import with_residual
from tiny import save_model

from study.config.options import IN_MLFLOW, LOCAL
from study.config.schema import (
    MethodConfig,
    ModelConfig,
    StorageConfig,
    StudyConfig,
    StudySettings,
    TaskConfig,
    TrainConfig,
)
from study.export.job import measure
from study.export.job.request import Wanted
from study.search.driver import run_study
from study.search.plan import GRID


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a study of five trials has run: three baselines, then factors with and without residual."""
    folder = tmp_path_factory.mktemp("home")
    config = StudyConfig(
        study=StudySettings("small", trials=5, folds=2),
        task=TaskConfig(limit=80, test_fraction=0.25),
        model=ModelConfig(str(save_model(folder / "model")), max_length=16),
        method=MethodConfig("factorized", rank=2, lam=10.0, residual="keep"),
        train=TrainConfig(epochs=1),
        space={"method.residual": "choice(keep,drop)"},
        sampler={"_target_": GRID},
        launcher={**LOCAL, "workers": 1},
        storage=StorageConfig(f"sqlite:///{folder}/lora-study.db"),
        tracking={**IN_MLFLOW, "uri": f"sqlite:///{folder}/mlflow.db"},
    )
    assert run_study(config, [], lambda _: folder / "report" / "index.html") == 0
    return folder


@pytest.fixture
def wanted(home: Path, tmp_path: Path) -> Wanted:
    return Wanted("small", f"sqlite:///{home}/lora-study.db", out=tmp_path / "exports")


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own answers, which takes seconds: what it says is tested once."""
    monkeypatch.setattr(measure, "_answer_apart", lambda *_: {"empty": 1, "peak": 2, "seconds": [0.001]})


@pytest.fixture
def keep(wanted: Wanted) -> int:
    return with_residual(wanted, "keep")


@pytest.fixture
def drop(wanted: Wanted) -> int:
    return with_residual(wanted, "drop")
