"""Ctrl-C ends a study with its record closed and a sentence, whenever it comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study.commands import study as cli
from study.launch import Worker

TOY = Path(__file__).parents[1] / "contracts" / "toy"
SMALL = ["task.limit=60", "study.trials=1", "search.baselines=[]", "launcher=here", "tracking=lines"]


@pytest.mark.parametrize(
    ("place", "statuses"), [("begin", {}), ("train", {"study": "KILLED", "0": "KILLED"})], ids=["starting", "training"]
)
def test_an_interrupted_study_says_that_it_goes_on_and_closes_its_record(
    place: str,
    statuses: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Worker, place, interrupt)
    with pytest.raises(SystemExit) as stopped:
        cli.main([f"--config-dir={TOY}", *SMALL])
    assert stopped.value.code == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    record = tmp_path / "record.json"
    rows = json.loads(record.read_text()) if record.exists() else {}
    assert {name: row["status"] for name, row in rows.items()} == statuses
