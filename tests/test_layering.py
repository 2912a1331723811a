"""Imports go one way: the order of the layers is the order of this list."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [
    "core", "config", "text", "data", "scoring", "tasks", "models", "methods", "engine", "launch", "record", "search",
    "export", "commands", "__main__",
]  # fmt: skip
MODULES = sorted((ROOT / "study").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    tree, names = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{a.name}" for a in node.names} | {node.module}
    return names


def layer(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "study" and len(parts) > 1 and parts[1] in LAYERS else None


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_from_layers_above_it(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if len(parts) < 2 or parts[1] not in LAYERS:
        assert parts == ("study", "__init__")
        return
    layer_of_file = LAYERS.index(parts[1])
    wrong = {n for n in imported(path) if (above := layer(n)) and LAYERS.index(above) > layer_of_file}
    assert wrong == set()


def test_no_module_comes_back_to_itself_through_what_it_imports() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
    graph = {}
    for name, path in names.items():
        named = imported(path) & names.keys() - {name}
        # `from study.models import graphs` uses that module, not the package it lies in.
        graph[name] = {n for n in named if not any(other.startswith(f"{n}.") for other in named)}
    assert len([*graphlib.TopologicalSorter(graph).static_order()]) == len(names)


@pytest.mark.parametrize("path", sorted((ROOT / "analysis").rglob("*.py")), ids=lambda p: p.name)
def test_the_analysis_knows_the_suites_core_alone_and_no_torch(path: Path) -> None:
    names = {n for n in imported(path) if n != "study.core" and not n.startswith("study.core.")}
    assert not {n for n in names if n.split(".")[0] in ("study", "torch", "transformers", "optuna")}


def test_the_engine_runs_where_there_is_no_optuna_mlflow_or_hydra() -> None:
    code = (
        "import sys\nfor name in ('optuna', 'mlflow', 'hydra', 'omegaconf'): sys.modules[name] = None\n"
        "import study.engine.train, study.methods.layers.surgery, study.models.backbones, study.tasks\n"
        "for name in study.tasks.names(): study.tasks.get(name)\nprint('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "fine", done.stderr
