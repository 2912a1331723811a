"""The recipes of .github/CONTRIBUTING.md are followed to the letter, in a copy of the suite."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from tiny import save_model

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / ".github" / "CONTRIBUTING.md"
FENCE = re.compile(r"^```\w+\n# ([\w/]+\.\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^```\n(lora-study task=colours .*?)\n```$", re.MULTILINE | re.DOTALL)


def recipes() -> dict[str, str]:
    """The files that the recipes show, by their path in the project."""
    return dict(FENCE.findall(GUIDE.read_text(encoding="utf-8")))


def follow(folder: Path) -> None:
    """A copy of the suite in the folder, with every recipe's files in it; conf/ lies where the wheel has it."""
    for package in ("study", "analysis"):  # with what is compiled of them: each process would compile them all
        shutil.copytree(ROOT / package, folder / package)
    shutil.copytree(ROOT / "conf", folder / "study" / "conf")
    for path, text in recipes().items():
        place = folder / (f"study/{path}" if path.startswith("conf/") else path)
        assert not place.exists(), f"{path} is there already: a recipe adds files"
        place.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the command at the end of the recipes was run."""
    folder = tmp_path_factory.mktemp("recipes")
    follow(folder)
    (command,) = COMMAND.findall(GUIDE.read_text(encoding="utf-8"))
    model = save_model(folder / "model")
    line = [sys.executable, "-m", "study", *shlex.split(command)[1:], f"model.name={model}", "search.baselines=[head]"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_what_is_added_is_the_files_that_the_guide_shows(followed: Path) -> None:
    study = optuna.load_study(study_name="colours", storage=f"sqlite:///{followed / 'lora-study.db'}")
    config = study.user_attrs["lora_study.config"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert ('"lora_top"' in config, "QMCSampler" in config, '"colours"' in config) == (True, True, True)
    trials = (followed / "reports" / "colours" / "trials.csv").read_text(encoding="utf-8")
    assert "lora_top" in trials
    assert "study.search.pruners.floor.Floor" in config
    assert ('"balanced_accuracy"' in config, "study.launch.here.Here" in config) == (True, True)
    assert "balanced_accuracy" in trials.splitlines()[0].split(",")
