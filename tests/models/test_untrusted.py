"""No pickle is ever loaded but what the suite's own processes send each other: no file of others runs anything."""

from __future__ import annotations

import ast
import os
import pickle
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from exports import exported, model_of, train
from tiny import as_pickles, save_model
from transformers import AutoModel

from study.commands import study as cli
from study.config.schema import ModelConfig
from study.core.errors import AssetError, StudyError
from study.core.tensor_cache import TensorCache
from study.export import load
from study.launch import local
from study.models import hub

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("study", "analysis") for path in (ROOT / folder).rglob("*.py"))
# Modules that can do nothing but read what may hold a program, and functions that may; each with the argument that
# keeps it to data, if there is one.
MODULES = {"cloudpickle", "dill", "joblib", "marshal", "shelve", "_pickle"}
LOADERS = {
    "pickle": {"load", "loads", "Unpickler"},
    "torch": {"load"},
    "numpy": {"load"},
    "pandas": {"read_pickle"},
    "yaml": {"load", "load_all", "full_load", "unsafe_load"},
    "submitit.core.utils": {"pickle_load"},
}
HARMLESS = {("torch", "load"): "weights_only=True", ("numpy", "load"): "allow_pickle=False"}
# What a driver and its workers say to each other, in memory, over a Ray cluster's own objects, which want its token, or
# through a folder that no other user can enter.
BETWEEN_OUR_OWN = {
    "study/launch/carrier.py": {"pickle.loads"},
    "study/launch/crew.py": {"pickle.loads"},
    "study/launch/jobs.py": {"pickle.loads", "submitit.core.utils.pickle_load"},
    "study/launch/local.py": {"pickle.loads"},
    "study/launch/staff.py": {"pickle.loads"},
}


def loaders(path: Path | str, text: str) -> Iterator[str]:
    """The dotted names of what could unpickle that a file imports or calls."""
    tree, names = ast.parse(text), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.asname or each.name.partition(".")[0]: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    yield from (name for name in names.values() if name.partition(".")[0] in MODULES)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Attribute, ast.Name)):
            continue
        first, _, rest = ast.unparse(node).partition(".")
        dotted = ".".join(filter(None, [names.get(first, first), rest]))
        module, _, function = dotted.rpartition(".")
        if function in LOADERS.get(module, ()) and not is_harmless(tree, node, module, function):
            yield dotted


def is_harmless(tree: ast.Module, node: ast.AST, module: str, function: str) -> bool:
    """Whether it is called with the argument that keeps it to data."""
    calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and call.func is node]
    given = {f"{word.arg}={ast.unparse(word.value)}" for call in calls for word in call.keywords}
    return HARMLESS.get((module, function)) in given


def test_no_module_loads_a_pickle_but_those_that_speak_to_workers() -> None:
    wanting = {str(path.relative_to(ROOT)): {*loaders(path, path.read_text(encoding="utf-8"))} for path in FILES}
    assert {path: names for path, names in wanting.items() if names} == BETWEEN_OUR_OWN


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import pickle\npickle.load(f)", {"pickle.load"}),
        ("from pickle import loads as read\nread(b)", {"pickle.loads"}),
        ("import torch\ntorch.load(f)", {"torch.load"}),
        ("import torch as t\nt.load(f, weights_only=False)", {"torch.load"}),
        ("import torch\ntorch.load(f, weights_only=True)", set()),
        ("import numpy as np\nnp.load(f)", {"numpy.load"}),
        ("import joblib", {"joblib"}),
        ("import yaml\nyaml.load(f)", {"yaml.load"}),
        ("import yaml\nyaml.safe_load(f)", set()),
        ("from pickle import UnpicklingError\nimport pickle\npickle.dumps(1)", set()),
        ("import pandas as pd\nread = pd.read_pickle", {"pandas.read_pickle"}),
    ],
)
def test_what_could_load_one_is_seen(text: str, names: set[str]) -> None:
    assert {*loaders("x", text)} == names


class Program:
    """What runs when it is unpickled: it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def as_zip(program: Program, file: Path) -> None:
    torch.save({"weight": program}, file)


def as_newer_zip(program: Program, file: Path) -> None:
    torch.save({"weight": program}, file, pickle_protocol=4)


def as_pickle(program: Program, file: Path) -> None:
    file.write_bytes(pickle.dumps({"weight": program}))


def as_legacy(program: Program, file: Path) -> None:
    torch.save({"weight": program}, file, _use_new_zipfile_serialization=False)


def as_damaged(program: Program, file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(program)[:9])


WAYS = [as_zip, as_newer_zip, as_pickle, as_legacy, as_damaged]


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that a program in a pickle would leave."""
    return tmp_path / "it-has-run"


def test_the_program_runs_where_it_is_unpickled(mark: Path) -> None:
    pickle.loads(pickle.dumps(Program(mark)))
    assert mark.exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shards", [1, 2])
def test_weights_that_hold_a_program_are_refused_before_the_study(
    way: Callable[[Program, Path], None], shards: int, mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = as_pickles(save_model(tmp_path / "model"), shards)
    way(Program(mark), sorted(folder.glob("*.bin"))[-1])
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"a b {i},{i % 2}\n" for i in range(40)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "METHOD", "spawn")  # this process looks at the model itself
    before = {*tmp_path.iterdir()}
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        cli.main(["task=file", "task.path=t.csv", "task.text=text", "task.label=label", "model.name=model"])
    out, err = capsys.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1), err
    assert "model.name=model: has weights in pytorch_model" in err
    assert "safetensors" in err
    assert {*tmp_path.iterdir()} == before


@pytest.mark.parametrize("way", WAYS)
def test_weights_that_hold_a_program_are_not_loaded(
    way: Callable[[Program, Path], None], mark: Path, tmp_path: Path
) -> None:
    folder = as_pickles(save_model(tmp_path / "model"))
    way(Program(mark), folder / "pytorch_model.bin")
    with pytest.raises(Exception, match=r".") as refused:
        hub.load_model(ModelConfig(str(folder)), AutoModel)
    assert not mark.exists()
    assert isinstance(refused.value, AssetError) or way is as_damaged


def test_weights_that_are_tensors_alone_are_loaded_from_pickles(tmp_path: Path) -> None:
    for shards in (1, 2):
        folder = as_pickles(save_model(tmp_path / f"model-{shards}"), shards)
        hub.require_weights(ModelConfig(str(folder)))
        assert hub.load_model(ModelConfig(str(folder)), AutoModel).config.hidden_size == 16


@pytest.mark.parametrize("command", ["study.__main__", "analysis.__main__", "study.commands.export"])
def test_no_command_opens_a_pickle_of_hydras(command: str, mark: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.pickle"
    file.write_bytes(pickle.dumps(Program(mark)))
    for flags in (["--experimental-rerun", str(file)], ["--cfg", "job", f"--experimental-rerun={file}"]):
        done = subprocess.run([sys.executable, "-m", command, *flags], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert "--experimental-rerun=" in done.stderr
        assert not mark.exists()


def test_an_adapter_that_holds_a_program_is_not_loaded(mark: Path, tmp_path: Path) -> None:
    trained, _ = train(model_of(tmp_path / "model", "bert"), "lora")
    folder = exported(trained, "peft", tmp_path / "export")
    (folder / "adapter_model.safetensors").unlink()
    as_zip(Program(mark), folder / "adapter_model.bin")
    with pytest.raises(StudyError, match="adapter_model"):
        load(folder)
    assert not mark.exists()


def test_a_cached_tensor_is_numbers_whatever_lies_in_its_place(mark: Path, tmp_path: Path) -> None:
    cache = TensorCache(10**6, tmp_path / "tensors")

    def fill(values: torch.Tensor, _: int) -> None:
        values.fill_(7)

    cache.get(("a",), (64,), torch.float32, fill)
    (values,) = cache.folder.glob("*/values")
    values.write_bytes(pickle.dumps(Program(mark)).ljust(values.stat().st_size, b"."))
    assert cache.get(("a",), (64,), torch.float32, fill).tolist() == [7.0] * 64
    assert not mark.exists()
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700  # what it holds was computed of the user's own data
