"""The shape of the house in figures: `pytest -n0 -s tests/test_house.py` prints them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("study", "analysis") for path in (ROOT / folder).rglob("*.py"))
TREES = {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
LONGEST_FUNCTION, LONGEST_FILE = 40, 250  # lines
LOOSE = {"__init__.py", "__main__.py"}  # what may lie at the top of study/
MOST_SHARED = 30  # names that two modules define, such as `load` of encoders and of graphs: fewer is better
# What every implementation of a contract has under the same name, one a file.
CONTRACTS = {"main", "names", "get", "check", "score", "scores"}
# Participles that do not end in -ed; `read`, `cut`, `run`, `split` and `bound` are verbs or nouns too.
IRREGULAR = {"chosen", "drawn", "given", "gone", "held", "kept", "known", "lost", "made", "taken", "told", "written"}
VERBS = {"seed", "embed", "feed"}  # which end in -ed for all that
VAGUE = {"own", "found"}  # names of locals that do not say what they hold
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions() -> dict[str, int]:
    """The lines of every function and method, by its place."""
    return {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS)
    }


def files() -> dict[str, int]:
    """The lines of every file."""
    return {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}


def shared_names() -> dict[str, list[str]]:
    """Public functions and classes that more than one module defines, with the modules."""
    places = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    return {name: modules for name, modules in places.items() if len(modules) > 1 and name not in CONTRACTS}


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is read like a field, of which a participle may be the value."""
    return any(
        ast.unparse(decorator).split(".")[-1] in ("property", "cached_property") for decorator in node.decorator_list
    )


def bare_participles(trees: dict[Path, ast.Module]) -> list[str]:
    """Functions and methods whose whole name is one participle, by their places; properties are none of them."""
    return [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and not is_property(node)
        if (word := node.name.strip("_")) in IRREGULAR or (re.fullmatch("[a-z]+ed", word) and word not in VERBS)
    ]


def vague_names(trees: dict[Path, ast.Module]) -> list[str]:
    """Variables and parameters with a vague name, by their places."""
    return [
        f"{path}:{node.lineno} {name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if (name := node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else "") in VAGUE
    ]


def test_functions_and_files_are_short_and_nothing_lies_loose() -> None:
    longest_function, longest_file = max(functions().items(), key=second), max(files().items(), key=second)
    loose = sorted({path.name for path in (ROOT / "study").glob("*.py")} - LOOSE)
    rooms = sorted(path.parent.name for path in (ROOT / "study").glob("*/__init__.py"))
    print(f"\nlongest function: {longest_function[1]} lines, {longest_function[0]}")
    print(f"longest file: {longest_file[1]} lines, {longest_file[0]}")
    print(f"loose modules at the top: {len(loose)}; rooms: {len(rooms)}, {', '.join(rooms)}")
    print(f"modules: {len(FILES)}, of {sum(files().values()):,} lines in all")
    assert longest_function[1] <= LONGEST_FUNCTION
    assert longest_file[1] <= LONGEST_FILE
    assert loose == []


def test_a_name_is_defined_in_one_module() -> None:
    shared = shared_names()
    print(f"\npublic names defined in two modules or more: {len(shared)}")
    for name, modules in sorted(shared.items()):
        print(f"  {name}: {', '.join(modules)}")
    assert len(shared) <= MOST_SHARED


def test_a_function_is_named_by_a_verb_or_a_noun() -> None:
    names = ["padded", "told", "pad_rows", "_cached", "seed", "split"]
    functions = "".join(f"def {name}(): ...\n" for name in names)
    methods = "class A:\n def stored(self): ...\n @property\n def held(self): ...\n"
    wrong = bare_participles({Path("x"): ast.parse(functions + methods)})
    assert sorted(place.split()[1] for place in wrong) == ["_cached", "padded", "stored", "told"]
    assert bare_participles(TREES) == []


def test_a_variable_says_what_it_holds() -> None:
    wrong = "def f(own):\n for found in own: print(found)"
    assert len(vague_names({Path("x"): ast.parse(wrong)})) == 4
    tests = {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*.py")
    }
    assert vague_names(TREES | tests) == []


def second(pair: tuple[str, int]) -> int:
    return pair[1]
