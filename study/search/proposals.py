"""What is asked for at a place of a study: what its sampler proposes, asked again where that is of no use."""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from study.config.space import KIND
from study.core import seeding
from study.search import samplers
from study.search.plan import GRID, Plan
from study.search.samplers import CONSTRAINT, Searched
from study.search.stored import ESTIMATE, PASSED_OVER
from study.search.surface.candidates import fill
from study.search.surface.foresight import Foresight
from study.search.untried import REDRAWS, Untried

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

DRAWS = 256  # assignments of an infinite space that are looked through for one that is of use


class Proposals:
    """The proposals of a study's sampler. Guarantees:

    while the space holds something that keeps the bounds and has not been asked for, as far as that can be known, no
    place of the study goes to what breaks a bound on figures that are known before training, or to a training that has
    been asked for; what breaks a bound is kept as a trial that has no place, and samplers learn from it at once.
    There are never more of these than places so far and 8.

    A proposal depends on the trial's `place` among those that count, which is its number where no other trial is
    without one. A grid never repeats a configuration, and is taken at its word where two of them train the same, and
    where one breaks a bound.
    """

    def __init__(self, plan: Plan, searched: Searched, untried: Untried, foresight: Foresight) -> None:
        self.plan, self.searched, self.untried, self.foresight = plan, searched, untried, foresight

    def propose(self, number: int, place: int) -> list[FrozenTrial]:
        """The trial of that place, behind those that were passed over for it; the first of them gets the number."""
        tree = self.plan.tree
        asked = self.searched.ask(number, self._sampler(place), tree)
        at_its_word = self.plan.config.sampler.get("_target_") == GRID or self._is_of_use(asked.params)
        if at_its_word or (left := self.untried.left()) == []:
            return [self._judge(number, asked)]
        passed: list[FrozenTrial] = []
        refused, others = {self.foresight.training(asked.params)}, self._with_other_seeds(place, asked.params)
        for sampler in chain(others, self._by_chance(place, left)):
            if self._is_worth_keeping(asked.params, place):
                passed.append(self._judge(number + len(passed), asked, {PASSED_OVER: True}))
                asked = self.searched.ask(number + len(passed), sampler, tree)
            else:
                asked = self.searched.ask_again(number + len(passed), sampler, tree)
            if self._is_of_use(asked.params):
                break
            if (training := self.foresight.training(asked.params)) in refused:
                others.close()  # it would not change its mind
            refused.add(training)
        return [*passed, self._judge(number + len(passed), asked)]

    def _is_of_use(self, assigned: Mapping[str, Any]) -> bool:
        return not self.untried.repeats(assigned) and self.foresight.keeps_bounds(assigned)

    def _is_worth_keeping(self, refused: Mapping[str, Any], place: int) -> bool:
        """Whether it breaks a bound, which has not been seen of the same training, and there is room for it."""
        known = self.foresight.keeps_bounds(refused) or self.untried.repeats(refused)
        return not known and self.untried.passed_over < place + REDRAWS

    def _judge(self, number: int, asked: FrozenTrial, notes: Mapping[str, Any] | None = None) -> FrozenTrial:
        """The trial as it is to be written, with `notes`; of one that breaks a bound samplers learn how far it does."""
        judged = copy.copy(asked)  # the sampler has its own
        judged.user_attrs, judged.system_attrs = {**asked.user_attrs, **(notes or {})}, dict(asked.system_attrs)
        if not self.foresight.keeps_bounds(asked.params):
            figures = self.foresight.figures(asked.params)
            bounds = [bound for bound in self.plan.constraints if bound.name in figures]
            beyond = {f"{CONSTRAINT}{bound}": bound.excess(figures[bound.name]) for bound in bounds}
            whole = len(bounds) == len(self.plan.constraints)  # samplers compare trials of equally many constraints
            known = [figures.get(name) for name in self.plan.config.objectives] if whole else None
            judged.system_attrs |= beyond
            if (supposed := self.searched.tell_beforehand(number, beyond, known)) is not None:
                judged.user_attrs[ESTIMATE] = supposed
            self.untried.passed_over += PASSED_OVER in judged.user_attrs
            self.untried.note(asked.params)
        return judged

    def _sampler(self, place: int, attempt: int = 0) -> BaseSampler:
        config = self.plan.config
        more = {"objectives": config.objectives, "foresight": self.foresight}
        return samplers.make(config.sampler, self.plan.tree, config.study.seed, place, attempt, **more)

    def _with_other_seeds(self, place: int, refused: Mapping[str, Any]) -> Generator[BaseSampler]:
        """The sampler with other seeds.

        Where everything of the refused kind of method has been asked for, it chooses beside another kind.
        """
        seed, kinds = self.plan.config.study.seed, self.untried.kinds_left()
        for attempt in range(1, REDRAWS):
            sampler = self._sampler(place, attempt)
            if kinds and refused[KIND] not in kinds:
                kind = kinds[seeding.derive(seed, "kind", place, attempt) % len(kinds)]
                sampler = samplers.fix({KIND: kind}, sampler)
            yield sampler

    def _by_chance(self, place: int, left: list[dict[str, Any]] | None) -> Iterator[BaseSampler]:
        """What proposes one of those that are left or, where these are infinite, the first that is of use, if any."""
        seed = self.plan.config.study.seed
        if left is None:
            drawn = fill(self.plan.tree, DRAWS, seeding.derive(seed, "chance", place))
            left = [next(filter(self._is_of_use, drawn), drawn[0])]
        yield samplers.propose_exactly(self.untried.draw(left, place), seed)
