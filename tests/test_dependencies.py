"""What is imported is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# What no file imports, and who needs it.
INDIRECT = {
    "onnxscript": "torch.onnx.export",
    "accelerate": "the Trainer of tests/benchmarks/peer.py",
    "axe-core-python": "tests/browsers.py, which does without",
    "playwright": "tests/browsers.py, which does without",
    "psycopg": "SQLAlchemy from 2.1 on, at postgresql:// addresses",
    "psycopg2-binary": "SQLAlchemy before 2.1, at postgresql:// addresses",
    "pytest-xdist": "pytest -n",
}
LOCAL = {"study", "analysis", *(path.stem for path in (ROOT / "tests").rglob("*"))}


def imported(*folders: str) -> set[str]:
    """The distributions that the folders' files import anywhere in them."""
    names = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    known = packages_distributions()
    # Several distributions may share a package (mlflow, mlflow-skinny): the one of its name is meant.
    owners = {name: known.get(name, [name]) for name in names - sys.stdlib_module_names - LOCAL}
    return {canonical(name if name in several else several[0]) for name, several in owners.items()}


def declared(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[\s<>=!\[;~]", text)[0]) for text in requirements} - {"lora-study"}


def canonical(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


OPTIONAL = declared([text for extra, texts in EXTRAS.items() if extra not in ("test", "dev") for text in texts])
EVERYWHERE = declared(PROJECT["dependencies"])


def test_what_the_product_imports_is_declared_and_nothing_else_is() -> None:
    assert imported("study", "analysis") == (EVERYWHERE | OPTIONAL) - INDIRECT.keys()


def test_what_the_tests_import_besides_is_their_extra() -> None:
    besides = imported("tests") - EVERYWHERE - OPTIONAL
    assert besides == declared(EXTRAS["test"]) - INDIRECT.keys()


def test_every_requirement_has_a_lower_bound() -> None:
    every = [*PROJECT["dependencies"], *(text for texts in EXTRAS.values() for text in texts)]
    assert [text for text in every if ">=" not in text and not text.startswith("lora-study[")] == []
