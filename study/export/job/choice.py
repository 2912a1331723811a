"""Which trial is exported: what the study recommends, one by its number, or what it recommends within bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from study.config import bounds
from study.config.bounds import SHORT, Bound
from study.config.members import TrialResult
from study.core.alone import with_alone
from study.core.errors import ConfigError
from study.core.evidence.verdict import NOTHING_BEATS
from study.core.figures import MINIMIZE, OBJECTIVES, direction
from study.search.ledger import Ledger
from study.search.levels import levels_without_training
from study.search.objectives import summary
from study.search.plan import Plan
from study.search.stored import folds_of, result_of, with_repeats
from study.search.verdict import judge_results

SIZE = "size"  # bytes of the stored numbers in float32


def compared_trials(ledger: Ledger) -> dict[int, TrialResult]:
    """The results of trials that are complete, and of those that were stopped after some folds, by number.

    One that repeats another has that one's folds.
    """
    from optuna.trial import TrialState

    out: dict[int, TrialResult] = {}
    for trial in ledger.trials():
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
            out[trial.number] = result_of(trial, folds_of(trial), out)
    compared = {number: result for number, result in out.items() if result.folds and result.failure is None}
    return with_repeats(compared, ledger.repeats())


def choose(wanted: str, ledger: Ledger, results: dict[int, TrialResult]) -> TrialResult:
    """The trial that `wanted` names: best, a number, or bounds; of one that repeats another, the original.

    Unless it is named by its number it keeps the study's constraints, and is none of a control.
    Raises ConfigError, which says what there is, where no complete trial fits.
    """
    if wanted.isdecimal():
        return _trial_numbered(int(wanted), ledger, results)
    trained = [r for r in results.values() if r.duplicate_of is None]
    alone = ledger.alone_costs() if trained else {}
    distinct = [r for r in trained if not ledger.plan.broken(figures(r, alone.get(r.trial)))]
    if not any(r.complete for r in distinct):
        rule = "has no complete trial" + (" that keeps its constraints" if any(r.complete for r in trained) else "")
        raise ConfigError(f"study={ledger.study.study_name}", rule, "repeat the study's command, which goes on with it")
    if ledger.plan.config.task.shuffle_labels:
        rule = "chooses nothing in a control: its labels were shuffled, so that no trial is truly better than another"
        raise ConfigError(f"trial={wanted}", rule, "name a trial by its number, such as trial=0")
    if wanted == "best":
        return recommend(ledger.plan, distinct, alone)
    if not bounds.is_bound(wanted):
        rule = "is neither best, a trial's number nor a bound"
        raise ConfigError(f"trial={wanted}", rule, "write for example trial=best, trial=3 or trial='params<=50000'")
    limits = bounds.parse("trial", wanted, (*OBJECTIVES, SIZE), SHORT)
    known = {r.trial: figures(r, alone.get(r.trial)) for r in distinct}
    fitting = [r for r in distinct if bounds.within(limits, known[r.trial])]
    if not any(r.complete for r in fitting):
        rule = "is satisfied by no complete trial"
        raise ConfigError(f"trial={wanted}", rule, _nearest(limits, [known[r.trial] for r in distinct if r.complete]))
    return recommend(ledger.plan, fitting, alone)


def figures(result: TrialResult, alone: Mapping[str, float] | None = None) -> dict[str, float]:
    """A trial's figures, with `size`, the bytes of its stored numbers in float32.

    What was measured of it `alone` on the machine stands for what the search saw of its costs.
    """
    values = with_alone({**summary(result), **(alone or {})})
    return {**values, SIZE: 4 * values["params/stored"]} if "params/stored" in values else values


def recommend(
    plan: Plan, results: Sequence[TrialResult], alone: Mapping[int, Mapping[str, float]] | None = None
) -> TrialResult:
    """The trial that the study recommends among these, by the comparison that the report is made of.

    Where the data cannot tell, it is the one to take meanwhile; where nothing is known of the error, the best. Raises
    ConfigError where none of them beats what needs no training.
    """
    levels = levels_without_training(plan)
    judgement = judge_results(plan, {result.trial: result for result in results}, alone or {}, [*levels.values()])
    number = None if judgement is None else judgement.recommended
    if judgement is not None and judgement.verdict.kind == NOTHING_BEATS and number is None:
        top = max(levels, key=lambda name: levels[name])
        rule = f"recommends no trial: nothing beats {top}, which needs no training and scores {levels[top]:.3f}"
        raise ConfigError(f"study={plan.config.study.name}", rule, f"name a trial, such as trial={judgement.best}")
    return next((result for result in results if result.trial == number), None) or best(
        [result for result in results if result.complete]
    )


def best(results: Sequence[TrialResult]) -> TrialResult:
    """The trial with the best score; of equal ones that with the fewest trained parameters, then the earliest."""
    sign = 1 if direction("score") == MINIMIZE else -1

    def order(result: TrialResult) -> tuple[float, float, int]:
        values = summary(result)
        return sign * values["score"], values.get("params/trainable", 0.0), result.trial

    return min(results, key=order)


def _trial_numbered(number: int, ledger: Ledger, results: dict[int, TrialResult]) -> TrialResult:
    """The trial of that number or, where it repeats another, the original; ConfigError where it is not complete."""
    from optuna.trial import TrialState

    trials = ledger.trials()
    if number >= len(trials):
        rule = "is no trial of this study" if trials else "is no trial: the study has none yet"
        raise ConfigError(f"trial={number}", rule, f"choose a number from 0 to {len(trials) - 1}, or best")
    if number in results and results[number].complete:
        result = results[number]
        return result if result.duplicate_of is None else results[result.duplicate_of]
    if trials[number].state in (TrialState.FAIL, TrialState.COMPLETE):  # the latter with figures that are no numbers
        errors = [f.error for f in folds_of(trials[number]).values() if f.error]
        rule = f"has failed ({errors[0].rstrip('.')})" if errors else "has failed"
        raise ConfigError(f"trial={number}", rule, "choose a complete trial, or best")
    if trials[number].state == TrialState.PRUNED:
        raise ConfigError(f"trial={number}", "was stopped before its last fold", "choose a complete trial, or best")
    rule, remedy = "is not finished", "repeat the study's command, which goes on with it, or choose another"
    raise ConfigError(f"trial={number}", rule, remedy)


def _nearest(limits: tuple[Bound, ...], known: Sequence[Mapping[str, float]]) -> str:
    """A remedy that says from what to what each bounded figure runs, so that a bound can be chosen that something
    meets."""
    parts = []
    for bound in limits:
        values = [each[bound.name] for each in known if bound.name in each]
        if values:
            parts.append(f"{bound.name} runs from {min(values):g} to {max(values):g}")
        else:
            parts.append(f"{bound.name} was recorded by none")
    return "; ".join(parts)
