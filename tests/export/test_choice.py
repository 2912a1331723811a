"""What is exported as the best is what the report recommends; where it recommends nothing, nothing is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analysis.findings import Findings, headline
from analysis.options import Options
from analysis.report import read_findings
from analysis.runs import load_study
from study.core.errors import ConfigError
from study.export.job.choice import choose
from study.export.job.request import Wanted, prepare
from study.search.stored import find


def with_level(home: Path, monkeypatch: pytest.MonkeyPatch, level: float) -> Findings:
    """What the report finds in the small study where the majority class has that score, which exports then see too."""
    uri = f"sqlite:///{home}/mlflow.db"
    runs = load_study("small", uri)
    scores = {f"reference/majority/{runs.info.metric}": level}
    monkeypatch.setattr("study.scoring.references.summary", lambda examples, folds: scores)
    return read_findings(replace(runs, info=replace(runs.info, metrics=scores)), uri, Options())


@pytest.mark.parametrize("trial", ["best", "params<=1M"])
def test_nothing_is_exported_unnamed_where_the_report_says_that_nothing_beats_what_needs_no_training(
    home: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch, trial: str
) -> None:
    said, config = with_level(home, monkeypatch, 1.0), find(wanted.storage, "small")[1]
    assert headline(said).startswith("Nothing beats majority, which needs no training")
    best = said.judgement.best if said.judgement else None
    refusal = f"nothing beats majority, which needs no training and scores 1.000; name a trial, such as trial={best}"
    with pytest.raises(ConfigError, match=refusal):
        prepare(replace(wanted, trial=trial, formats=("merged",)), config)
    assert prepare(replace(wanted, trial=str(best), formats=("merged",)), config).chosen.trial == best
    assert not wanted.out.exists()


def test_what_is_exported_is_what_the_report_recommends(
    home: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, config = with_level(home, monkeypatch, 0.0), find(wanted.storage, "small")[1]
    assert said.judgement is not None
    assert prepare(replace(wanted, formats=("merged",)), config).chosen.trial == said.judgement.recommended


@pytest.mark.parametrize("trial", ["best", "params<=1M"])
def test_of_a_control_only_a_trial_that_is_named_is_exported(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, trial: str
) -> None:
    job = prepare(replace(wanted, formats=("merged",)), find(wanted.storage, "small")[1])
    config = job.plan.config
    control = replace(config, task=replace(config.task, shuffle_labels=True))
    monkeypatch.setattr(job.ledger, "plan", replace(job.plan, config=control))
    with pytest.raises(ConfigError, match="chooses nothing in a control"):
        choose(trial, job.ledger, job.results)
    assert choose("1", job.ledger, job.results).trial == 1
