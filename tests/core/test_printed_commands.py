"""Commands that are printed mean the study and its stores to the program that they name, whatever these are called."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import __main__ as report
from study.commands import arguments
from study.config.compose import compose
from study.config.overrides import rewrite
from study.core.names import check_name
from study.core.printed_commands import STORAGE, export_line, report_line, store_arguments, sync_line
from study.core.quoting import as_text

ROOT = Path(__file__).parents[2]
MAKER = ROOT / "study/core/printed_commands.py"
NAMES = st.text(st.sampled_from("ab Ä'\"$&;,=[]{}"), min_size=1, max_size=8).map(lambda text: f"a{text}b")
STORES = st.none() | st.just(STORAGE) | NAMES.map(lambda text: f"sqlite:///{text}.db")


@settings(max_examples=25)
@given(NAMES, STORES)
def test_each_program_reads_of_its_line_the_study_and_its_store(name: str, store: str | None) -> None:
    check_name("study", name)
    program, *words = shlex.split(export_line(name, 7, store))
    made = arguments.compose(words)
    assert (program, made.study, made.trial, made.storage.url) == ("lora-export", name, "7", store or STORAGE)
    program, *words = shlex.split(report_line(name, store, "tolerance=0.02"))
    asked = report._compose([as_text(word, report.TEXTS, report.OPTIONAL) for word in words], words)
    assert (program, asked.study, asked.tolerance, asked.tracking.uri) == ("lora-report", name, 0.02, store)
    program, flag, *words = shlex.split(sync_line(name, store))
    config = compose(rewrite(words))
    assert (program, flag, config.study.name) == ("lora-study", "--sync", name)
    assert config.storage.url == (store or STORAGE)


def test_no_password_is_in_a_line_and_a_usual_store_is_not_named() -> None:
    assert store_arguments({"storage.url": STORAGE, "tracking.uri": None}) == []
    assert store_arguments({"storage.url": "postgresql://me:secret@host/db"}) == [
        "storage.url='postgresql://me:***@host/db'"
    ]


def lines_made_in(tree: ast.AST) -> list[str]:
    """What names a study to a program by itself, so that nothing sees to its stores."""
    texts = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.JoinedStr, ast.List))]
    inside = re.compile(r"lora-(?:export|report|study)\b[^`;]*?\bstudy(?:\.name)?=\{")
    return [text for text in texts if inside.search(text)]


def test_no_other_module_makes_such_a_line() -> None:
    paths = [path for room in ("study", "analysis") for path in (ROOT / room).rglob("*.py")]
    assert [p for p in paths if lines_made_in(ast.parse(p.read_text(encoding="utf-8")))] == [MAKER]
