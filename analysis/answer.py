"""The answer in a few plain sentences, every one of them from the judgement."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.references import Reference, levels_of
from analysis.runs import StudyRuns
from study.core import formatting as fmt
from study.core.evidence.judgement import Judgement
from study.core.evidence.verdict import CANNOT_TELL, MOST_REPEATS, NOTHING_BEATS
from study.core.figures import FIGURES

CONTROL = "This is a control: the labels were shuffled, so that no configuration can truly be better than another."
NAMED = 5  # candidates by name in a sentence


def sentences(runs: StudyRuns, judgement: Judgement | None, references: Sequence[Reference] = ()) -> list[str]:
    """What to choose, at what cost and how surely; that the labels were shuffled comes first, where they were."""
    control = [CONTROL] if runs.info.params.get("task.shuffle_labels") == "True" else []
    if judgement is None:
        return [*control, "No trial of this study is complete and scored, so there is nothing to recommend yet."]
    speaker = _Speaker(runs, judgement)
    if judgement.verdict.kind == CANNOT_TELL:
        return [*control, *speaker.doubts()]
    if judgement.verdict.recommended is None:
        return [*control, speaker.reference(references), speaker.best()]
    return [*control, speaker.choice(), speaker.cost(), speaker.best()]


class _Speaker:
    """Says of trials what a person needs: their names, scores and costs."""

    def __init__(self, runs: StudyRuns, judgement: Judgement) -> None:
        self.runs, self.judgement = runs, judgement
        self.rows = runs.compared.set_index("number")
        self.metric = runs.info.metric

    def name(self, number: int) -> str:
        """The label of a trial."""
        return str(self.rows.loc[number, "label"])

    def score(self, number: int) -> str:
        """A trial's mean score and its standard error."""
        return fmt.with_se(self.rows.loc[number, "score"], self.rows.loc[number, "score_se"])

    def amount(self, number: int) -> str:
        """What a trial costs, in the study's own cost."""
        return cost_text(self.rows.loc[number], self.judgement.cost)

    def probability(self, number: int) -> str:
        """How probably a trial is within the tolerance of the best."""
        row = self.judgement.row(number)
        return fmt.probability(None if row is None else self.judgement.verdict.within[row])

    def choice(self) -> str:
        """What to choose."""
        number = self.judgement.recommended
        assert number is not None
        within = f"with probability {self.probability(number)} it is within {self.judgement.tolerance:g} of the best"
        if self.judgement.verdict.kind == NOTHING_BEATS:
            return f"Nothing beats {self.name(number)}, which adapts no layer: {within}."
        if pd.isna(self.rows.loc[number, self.judgement.cost]):
            return f"Choose {self.name(number)}: {within}; its {self.judgement.cost} was not recorded."
        if not self._cheaper(number):
            return f"Choose {self.name(number)}: {within}, and nothing else is as cheap."
        return f"Choose {self.name(number)}: {within}, and it is the cheapest of which that can be said."

    def cost(self) -> str:
        """What the choice scores and costs, and what the best would cost instead."""
        number, best = self.judgement.recommended, self.judgement.best
        assert number is not None
        said = f"It scores {self.metric} {self.score(number)}"
        if not pd.isna(self.rows.loc[number, self.judgement.cost]):
            said += f" at {self.amount(number)}"
        return f"{said}." if best == number else f"{said} instead of {self.amount(best)} for {self.name(best)}."

    def best(self) -> str:
        """How much the highest score is flattered by having been chosen."""
        number, many = self.judgement.best, len(self.judgement.table.numbers)
        raw = f"The highest expected score is that of {self.name(number)}, {self.score(number)}"
        if many == 1:
            return f"{raw}; nothing was compared with it."
        corrected = fmt.number(self.judgement.corrected)
        return f"{raw}; chosen as the best of {many}, it is worth {corrected}."

    def reference(self, references: Sequence[Reference]) -> str:
        """That what needs no training is as good."""
        levels = levels_of(references, self.metric)
        top = max(levels, key=lambda name: levels[name])
        return f"Nothing beats {top}, which needs no training and scores {self.metric} {fmt.number(levels[top])}."

    def doubts(self) -> list[str]:
        """That the data cannot tell, between which, and what would decide."""
        verdict, judgement = self.judgement.verdict, self.judgement
        numbers = [int(judgement.table.numbers[row]) for row in verdict.candidates]
        names = [self.name(number) for number in numbers[:NAMED]]
        names += [fmt.plural(len(numbers) - NAMED, "other")] if len(numbers) > NAMED else []
        near = f"the cheapest within {judgement.tolerance:g} of the best"
        first = f"The data cannot tell which configuration is {near}: {_enumerate_names(names)} are candidates."
        if judgement.recommended is None:
            return [first, "One fold alone does not measure how sure a score is; write study.folds=3 or more."]
        meanwhile = judgement.recommended
        second = (
            f"Meanwhile take {self.name(meanwhile)}, {self.metric} {self.score(meanwhile)} at "
            f"{self.amount(meanwhile)}: it is within {judgement.tolerance:g} of the best with probability "
            f"{self.probability(meanwhile)}{', and nothing cheaper comes near that' * self._cheaper(meanwhile)}."
        )
        needed = verdict.repeats_needed
        third = f"About {needed} cross-validations in all would be expected to decide."
        if needed is None:
            third = f"Even {MOST_REPEATS} cross-validations of these examples would hardly decide: more examples would."
        return [first, second, third]

    def _cheaper(self, number: int) -> bool:
        """Whether another compared trial costs less."""
        costs = self.rows.loc[list(self.judgement.table.numbers), self.judgement.cost]
        return bool((costs < costs[number]).any())


def cost_text(row: pd.Series, cost: str) -> str:
    """A trial's cost with its unit and, where the unit does not say it, its name."""
    text = fmt.by_unit(FIGURES[cost].unit, row[cost])
    return f"{text} trained parameters" if cost == "params/trainable" else f"{cost} {text}"


def _enumerate_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
