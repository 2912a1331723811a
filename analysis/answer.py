"""The answer in a few plain sentences, every one of them from the judgement."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.deciding import outlook_sentence
from analysis.infeasible import nothing_feasible
from analysis.references import Reference, usable_levels
from analysis.runs import StudyRuns, counted_score, counted_score_text
from study.core import formatting as fmt
from study.core.alone import Cost, cost_of_trial, meanings
from study.core.evidence.judgement import Judgement
from study.core.evidence.verdict import CANNOT_TELL, NOTHING_BEATS

CONTROL = "This is a control: the labels were shuffled, so that no configuration can truly be better than another."
LEAST = 0.01  # a probability below which its digits are not said
NAMED = 5  # candidates by name in a sentence


def sentences(runs: StudyRuns, judgement: Judgement | None, references: Sequence[Reference] = ()) -> list[str]:
    """What to choose, at what cost and how surely; that the labels were shuffled comes first, where they were."""
    control = [CONTROL] if runs.info.is_control else []
    if judgement is None:
        nothing = "No trial of this study is complete and scored, so there is nothing to recommend yet."
        return [*control, nothing_feasible(runs) or nothing]
    speaker = _Speaker(runs, judgement)
    if judgement.verdict.kind == CANNOT_TELL:
        doubts = speaker.doubts(references)
        said = [*control, doubts[0], speaker.best()] if control else [*doubts, speaker.best(), *speaker.marks()]
    elif judgement.verdict.recommended is None:
        said = [*control, speaker.reference(references), speaker.best()]
    else:
        below = speaker.below(references)
        said = [*control, speaker.choice(), speaker.cost(), below, speaker.best(), *speaker.marks()]
    return [sentence for sentence in said if sentence]


def trial_to_take(runs: StudyRuns, judgement: Judgement | None) -> int | None:
    """The trial that is recommended, or to be taken meanwhile; None where there is none, as in a control that cannot
    tell, where nothing is to be decided."""
    if judgement is None or (runs.info.is_control and judgement.verdict.kind == CANNOT_TELL):
        return None
    return judgement.recommended


def role_of_taken(judgement: Judgement) -> str:
    """What the trial to take is called: it is recommended or, where the data cannot tell, taken for want of better."""
    if judgement.verdict.kind != CANNOT_TELL:
        return "Recommended"
    return "If you need one now" if judgement.none_apart else "To take meanwhile"


def verdict_words(runs: StudyRuns, judgement: Judgement | None, references: Sequence[Reference] = ()) -> str:
    """What kind of answer it is, in a few words that a table has room for."""
    if judgement is None:
        return "nothing to choose from"
    verdict = judgement.verdict
    if verdict.kind == CANNOT_TELL:
        taken = trial_to_take(runs, judgement) is not None
        words = f"cannot tell; {role_of_taken(judgement).lower()}" if taken else "cannot tell"
    elif verdict.recommended is None:
        words = f"nothing beats {_best_level(runs.info.metric, references)[0]}"
    elif len(judgement.table.numbers) == 1:
        words = "only one was compared"
    else:
        words = "nothing beats it" if verdict.kind == NOTHING_BEATS else "choose"
    return f"control: {words}" if runs.info.is_control else words


class _Speaker:
    """Says of trials what a person needs: their names, scores and costs."""

    def __init__(self, runs: StudyRuns, judgement: Judgement) -> None:
        self.runs, self.judgement = runs, judgement
        self.rows = runs.trials.set_index("number")
        self.metric = runs.info.metric
        numbers = [*judgement.table.numbers]
        self.costs = {n: cost_of_trial(judgement.cost, self.rows.loc[n]) for n in numbers}
        self.ranks = dict(zip(numbers, judgement.costs, strict=True))  # equal where nothing tells two apart
        self.amounts: list[str] = []  # that were said

    def name(self, number: int) -> str:
        """The label of a trial."""
        return str(self.rows.loc[number, "label"])

    def score(self, number: int) -> str:
        """A trial's mean score and how sure that is."""
        return counted_score_text(self.rows.loc[number])

    def amount(self, number: int) -> str:
        """What a trial costs, in the study's own cost."""
        text = cost_text(self.costs[number])
        self.amounts.append(text)
        return text

    def probability(self, number: int) -> str:
        """How probably a trial is within the tolerance of the best."""
        row = self.judgement.row(number)
        return fmt.probability(None if row is None else self.judgement.verdict.within[row])

    def choice(self) -> str:
        """What to choose."""
        number = self.judgement.recommended
        assert number is not None
        within = f"with probability {self.probability(number)} it is within {self.judgement.tolerance:g} of the best"
        if len(self.costs) == 1:
            return f"Only {self.name(number)} was compared, so that there is nothing to choose from."
        if self.judgement.verdict.kind == NOTHING_BEATS:
            return f"Nothing beats {self.name(number)}, which adapts no layer: {within}."
        if pd.isna(self.costs[number].value):
            return f"Choose {self.name(number)}: {within}; its {self.judgement.cost} was not recorded."
        if not any(cost < self.ranks[number] for cost in self.ranks.values()):
            return f"Choose {self.name(number)}: {within}, and nothing that was tried costs less."
        return f"Choose {self.name(number)}: {within}, and it is the cheapest of which that can be said."

    def cost(self) -> str:
        """What the choice scores and costs, and what the best would cost instead."""
        number, best = self.judgement.recommended, self.judgement.best
        assert number is not None
        said = f"It scores {self.metric} {self.score(number)}"
        if not pd.isna(self.costs[number].value):
            said += f" at {self.amount(number)}"
        return f"{said}." if best == number else f"{said} instead of {self.amount(best)} for {self.name(best)}."

    def best(self) -> str:
        """How much the highest score is flattered by having been chosen; "" where it was among none, and where
        nothing measures that."""
        number, many, corrected = self.judgement.best, len(self.judgement.table.numbers), self.judgement.corrected
        if many == 1 or fmt.missing(corrected):
            return ""
        raw = f"The highest expected score is that of {self.name(number)}, {self.score(number)}"
        return f"{raw}; chosen as the best of {many}, it is worth {fmt.number(corrected)}."

    def reference(self, references: Sequence[Reference]) -> str:
        """That what needs no training is as good."""
        top, level = _best_level(self.metric, references)
        return f"Nothing beats {top}, which needs no training and scores {self.metric} {fmt.number(level)}."

    def below(self, references: Sequence[Reference]) -> str:
        """That what is to be taken scores no more than what needs no training; "" where it scores more."""
        number = self.judgement.recommended
        if number is None or not usable_levels(references, self.metric):
            return ""
        top, level = _best_level(self.metric, references)
        said = f"Its score is no higher than that of {top}, which needs no training: {fmt.number(level)}."
        return said if counted_score(self.rows.loc[number]) <= level else ""

    def doubts(self, references: Sequence[Reference]) -> list[str]:
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
        many = len(judgement.table.numbers)
        alike = f"no two of the {many} can be told apart" if many > 2 else "the two cannot be told apart"
        take = (
            f"None is recommended, since {alike}; if you need one now, take"
            if judgement.none_apart
            else "Meanwhile take"
        )
        second = (
            f"{take} {self.name(meanwhile)}, {self.metric} {self.score(meanwhile)} at "
            f"{self.amount(meanwhile)}: it is within {judgement.tolerance:g} of the best with probability "
            f"{self.probability(meanwhile)}{self._cheaper(meanwhile)}."
        )
        return [first, second, self.below(references), outlook_sentence(judgement)]

    def _cheaper(self, number: int) -> str:
        """How probable the compared trials that cost less are to be near enough, where each is less so."""
        within = dict(zip(map(int, self.judgement.table.numbers), self.judgement.verdict.within, strict=True))
        cheaper = [other for other, cost in self.ranks.items() if cost < self.ranks[number]]
        likeliest = max(cheaper, key=lambda other: within[other], default=number)
        if not within[likeliest] < within[number]:
            return ""
        if within[likeliest] < LEAST:
            return f", and anything cheaper with less than {LEAST:g}"
        return f", and nothing cheaper is so with more than {self.probability(likeliest)}"

    def marks(self) -> tuple[str, ...]:
        """What the marks mean of the amounts that were said."""
        return meanings(self.amounts)


def cost_text(cost: Cost) -> str:
    """A trial's cost with its unit and, where the unit does not say it, its name."""
    return f"{cost.text} trained parameters" if cost.name == "params/trainable" else f"{cost.name} {cost.text}"


def _best_level(metric: str, references: Sequence[Reference]) -> tuple[str, float]:
    """The name and score of what is best without training."""
    levels = usable_levels(references, metric)
    return max(levels.items(), key=lambda level: level[1])


def _enumerate_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
