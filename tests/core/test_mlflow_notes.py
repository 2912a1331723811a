"""Notes on MLflow's pages: the answer on top, what people wrote kept, nothing written twice."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mlflow import MlflowClient

from study.core.conclusion import Conclusion, read_conclusion
from study.core.markdown import escape_marks, table
from study.core.mlflow_notes import END, NOTE, ROLE, ROOM, merge_notes, show_conclusion

FIRST = Conclusion(
    "**Choose b.**", "choose", 1, 2, {"answer/score": 0.9, "answer/probability": 0.95}, {0: "Near.", 1: "**Chosen.**"}
)
SECOND = Conclusion("**Cannot tell.**", "cannot tell", None, 2, {"answer/best_score": 0.9}, {0: "Near."})


class Store:
    """An experiment with a study of two trials."""

    def __init__(self, folder: Path) -> None:
        self.client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        self.experiment = self.client.create_experiment("e")
        tags = {"lora_study.level": "trial"}
        self.study = self.client.create_run(self.experiment).info.run_id
        self.trials = {n: self.client.create_run(self.experiment, tags=tags).info.run_id for n in range(2)}

    def show(self, conclusion: Conclusion) -> None:
        roles = {n: self.tags(run).get(ROLE, "") for n, run in self.trials.items()}
        show_conclusion(self.client, self.study, self.trials, roles, conclusion)

    def tags(self, run: str) -> dict[str, str]:
        return dict(self.client.get_run(run).data.tags)

    def note(self, number: int) -> str:
        return self.tags(self.trials[number]).get(NOTE, "")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_the_answer_is_on_the_experiment_the_study_and_its_trials(store: Store) -> None:
    store.show(FIRST)
    notes = [store.client.get_experiment(store.experiment).tags[NOTE], store.tags(store.study)[NOTE]]
    assert notes == [f"**Choose b.**\n\n{END}"] * 2
    assert [store.note(n) for n in range(2)] == ["Near.", "**Chosen.**"]
    assert store.client.get_run(store.study).data.metrics == FIRST.figures
    assert {k: v for k, v in store.tags(store.study).items() if k.startswith("lora_study.")} == {
        "lora_study.verdict": "choose", "lora_study.recommended": "1", "lora_study.best": "2",
    }  # fmt: skip


def test_another_answer_takes_the_place_of_the_first_and_of_its_figures(store: Store) -> None:
    store.show(FIRST)
    store.show(SECOND)
    assert store.tags(store.study)[NOTE] == f"**Cannot tell.**\n\n{END}"
    metrics = store.client.get_run(store.study).data.metrics
    assert metrics["answer/best_score"] == 0.9
    assert math.isnan(metrics["answer/score"])  # what cannot be taken back
    assert store.tags(store.study)["lora_study.recommended"] == ""
    assert [store.note(n) for n in range(2)] == ["Near.", ""]


def test_what_people_wrote_and_what_a_trial_says_of_itself_stay_below(store: Store) -> None:
    store.client.set_tag(store.study, NOTE, "ask Ann")
    store.client.set_tag(store.trials[1], NOTE, "**r8**")
    store.show(FIRST)
    store.show(SECOND)
    assert store.tags(store.study)[NOTE] == f"**Cannot tell.**\n\n{END}\n\nask Ann"
    assert store.note(1) == "**r8**"


def test_the_same_answer_is_written_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.show(FIRST)
    for name in ("log_batch", "set_experiment_tag", "set_tag"):
        monkeypatch.setattr(store.client, name, lambda *_, **__: pytest.fail("written again"))
    store.show(FIRST)


def test_a_note_is_cut_by_lines_to_what_mlflow_takes() -> None:
    theirs = "t" * 1000
    rows = [f"row {number:05d}" for number in range(2000)]
    note = merge_notes(theirs, "\n".join(rows))
    assert len(note) <= ROOM
    assert note.endswith(f"{END}\n\n{theirs}")
    kept = note.partition(f"\n\n{END}")[0].splitlines()
    assert kept == rows[: len(kept)]
    assert ROOM - len(note) < len("row 00000\n")


def test_a_conclusion_lies_beside_a_report_and_is_read_back(tmp_path: Path) -> None:
    assert read_conclusion(tmp_path) is None
    FIRST.write(tmp_path)
    assert read_conclusion(tmp_path) == FIRST


def test_a_name_with_marks_of_markdown_is_shown_as_it_is() -> None:
    assert escape_marks("re:.*_[qv]|k\nx") == r"re:.\*\_\[qv\]\|k x"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
