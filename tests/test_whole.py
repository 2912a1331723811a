"""One command a task, from its data to its report, where learning is another kind than classifying texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import call
from tables import articles, cyrillic, write_jsonl
from tiny import save_model, save_writer

from analysis.runs import load_study
from study.commands import study as cli
from study.core.records import Adaptation
from study.text.rouge import ENGLISH, UNICODE

SMALL = (
    "study.name=whole", "study.folds=2", "study.trials=3", "sampler=grid", "method.rank=2,4", "train.epochs=1",
    "launcher.workers=1", "report.remeasure=false",
)  # fmt: skip
TABLE = ("task=file", "task.path=t.jsonl", "task.text=body", "task.target=short", "search.baselines=[head]")


def spelled(folder: Path) -> tuple[str, ...]:
    """Summaries that a tiny T5 writes, of texts of letters."""
    rows = [{"body": " ".join(f"{i:06b}".translate({48: "a", 49: "b"})), "short": "ab"[i % 2]} for i in range(40)]
    write_jsonl(folder / "t.jsonl", rows)
    return (*TABLE, "task.kind=summarization_generate", f"model.name={save_writer(folder / 'small', 't5')}")


def chosen(folder: Path) -> tuple[str, ...]:
    """Summaries that are sentences of the text, in Cyrillic."""
    write_jsonl(folder / "t.jsonl", [{key: cyrillic(text) for key, text in row.items()} for row in articles(40)])
    return (*TABLE, "task.kind=summarization", f"model.name={save_model(folder / 'small')}", "model.max_length=32")


def cited(folder: Path) -> tuple[str, ...]:
    """Cora."""
    return ("task=nodes", "search.baselines=[head]", "model.random_weights=true", "method.layers=top-1")


# A model that writes has its own output layer, so there is no head to train alone.
KINDS = {
    spelled: ("rouge1", ("lead", ENGLISH.description), {"r2", "r4"}),
    chosen: ("rougeL", ("oracle", UNICODE.description), {"head", "r2", "r4"}),
    cited: ("macro_f1", ("majority",), {"head", "r2", "r4"}),
}


@pytest.mark.parametrize(
    "kind",
    [spelled, *(pytest.param(kind, marks=pytest.mark.long) for kind in (chosen, cited))],
    ids=lambda k: k.__name__,
)
def test_one_command_ends_in_runs_and_a_report_with_what_needs_no_training(kind, tmp_path: Path) -> None:
    done = call(cli.main, tmp_path, *SMALL, *kind(tmp_path))
    assert done.returncode == 0, done.stderr
    metric, said, names = KINDS[kind]
    whole = load_study("whole", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert {*whole.compared["label"].str.split().str[0]} == names
    assert whole.trials[metric].between(0, 1).all()
    adaptations = [Adaptation.from_json(text) for text in whole.compared["adaptation"]]
    assert [bool(a.ranks) for a in adaptations] == [name != "head" for name in whole.compared["kind"]]
    page = (tmp_path / "reports" / "whole" / "report.md").read_text(encoding="utf-8")
    assert all(words.lower() in page.lower() for words in said)
