"""What the pages say holds: links lead somewhere, commands compose, a newcomer's page stays one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from study.config.compose import compose
from study.config.overrides import rewrite

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "conf/README.md",
    "conf/experiment/README.md",
    "conf/launcher/README.md",
    "tests/benchmarks/README.md",
    ".github/CONTRIBUTING.md",
]
LINK = re.compile(r"\]\(([^)#:]+)\)")
FENCE = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = {"task=colours"}  # which the recipes add


def commands(page: str) -> list[list[str]]:
    """The arguments of every `lora-study` that the page shows in a block."""
    blocks = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    parts = [part for line in lines for part in line.split("&&") if "lora-study " in part]
    return [shlex.split(part.split("lora-study ", 1)[1], comments=True) for part in parts]


def shown() -> list[list[str]]:
    every = [arguments for page in PAGES for arguments in commands(page)]
    return [a for a in every if not OPTIONS & set(a) and not any(word.startswith("-") for word in a)]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("arguments", shown(), ids=" ".join)
def test_every_command_that_is_shown_composes(arguments: list[str]) -> None:
    config = compose(rewrite(arguments))
    named = [a.split("=", 1)[1] for a in arguments if a.startswith("study.name=")]
    assert not named or config.study.name == named[0]


def test_the_pages_show_commands() -> None:
    assert len(shown()) >= 9


def test_the_readme_is_a_newcomers_page() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert max(map(len, lines)) <= 140
