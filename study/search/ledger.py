"""The Optuna study as the truth of the search: what was asked, every finished fold, what was told."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from study.config import Configuration, MethodConfig, ModelConfig, TrainConfig
from study.errors import ResumeError
from study.records import FoldResult
from study.search import samplers
from study.search.plan import Plan, baselines

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

CONFIGURATION, FINGERPRINT, FOLD = "configuration", "lora_study.fingerprint", "fold:"
TEST = "test:"


class Ledger:
    """Asks, keeps and tells. Guarantees:

    a fold result is durable when :meth:`keep` returns; asking depends on the seed, the trial's number
    and the results told so far; a study interrupted anywhere goes on as if it had not been.
    """

    def __init__(self, plan: Plan) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, config = plan, plan.config
        self.study = optuna.create_study(
            storage=_storage(config.storage.url),
            study_name=config.study.name,
            load_if_exists=True,
            directions=plan.directions,
        )
        self._check()
        enqueued = {t.user_attrs.get("baseline") for t in self.study.trials}
        for name, configuration in baselines(config).items():
            if name not in enqueued:
                self.study.enqueue_trial({}, user_attrs={"baseline": name, CONFIGURATION: _dump(configuration)})

    def _check(self) -> None:
        known = self.study.user_attrs.get(FINGERPRINT)
        if known is None:
            self.study.set_user_attr(FINGERPRINT, self.plan.fingerprint)
        elif known != self.plan.fingerprint:
            raise ResumeError(
                f"study.name={self.plan.config.study.name}",
                "is stored with another configuration, seed or data, and trials of the two cannot be compared",
                "choose another study.name, or repeat the first command to go on with it",
            )

    @property
    def study_id(self) -> str:
        """A mark of this very study, for its runs in MLflow."""
        return f"{self.plan.config.study.name}:{self.plan.fingerprint}"

    def trials(self) -> list[FrozenTrial]:
        """Every trial that has been asked for, by number."""
        from optuna.trial import TrialState

        return [t for t in self.study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]

    def ask_until(self, count: int) -> list[FrozenTrial]:
        """Ask until `count` trials exist in all; the trials that still run, each with its configuration."""
        from optuna.trial import TrialState

        asked = len(self.trials())
        for number in range(asked, count):
            self._ask(number)
        running = [t for t in self.trials() if t.state == TrialState.RUNNING]
        for trial in running:
            if CONFIGURATION not in trial.user_attrs:
                self._suggest(trial)
        return [t for t in self.trials() if t.state == TrialState.RUNNING]

    def _ask(self, number: int) -> None:
        config = self.plan.config
        self.study.sampler = samplers.make(config.sampler, self.plan.space, config.study.seed, number)
        trial = self.study.ask()
        if CONFIGURATION not in trial.user_attrs:
            trial.set_user_attr(CONFIGURATION, _dump(config.configuration.with_values(self.plan.space.ask(trial))))

    def _suggest(self, stopped: FrozenTrial) -> None:
        """Finish what an interruption cut short between asking and suggesting, with the same sampler."""
        from optuna.trial import Trial

        config = self.plan.config
        self.study.sampler = samplers.make(config.sampler, self.plan.space, config.study.seed, stopped.number)
        trial = Trial(self.study, stopped._trial_id)
        trial.set_user_attr(CONFIGURATION, _dump(config.configuration.with_values(self.plan.space.ask(trial))))

    def keep(self, trial: FrozenTrial, result: FoldResult) -> None:
        """Make a fold's result durable."""
        self.study._storage.set_trial_user_attr(trial._trial_id, f"{FOLD}{result.fold}", result.to_json())

    def tell(self, number: int, values: list[float] | None) -> None:
        """Close a trial: its objectives' values, or failed."""
        from optuna.trial import TrialState

        if values is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, values)

    def keep_test_score(self, number: int, figures: dict[str, float]) -> None:
        """Make a held-out score durable; beside the study, since a told trial cannot be changed."""
        self.study.set_user_attr(f"{TEST}{number}", figures)

    def test_scores(self) -> dict[int, dict[str, float]]:
        """The held-out scores taken so far, by trial."""
        attributes = self.study.user_attrs
        return {int(k.removeprefix(TEST)): v for k, v in attributes.items() if k.startswith(TEST)}

    def note(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Write a fact beside a trial."""
        self.study._storage.set_trial_user_attr(trial._trial_id, key, value)


def configuration_of(trial: FrozenTrial) -> Configuration:
    """What the trial trains."""
    raw = json.loads(trial.user_attrs[CONFIGURATION])
    return Configuration(ModelConfig(**raw["model"]), MethodConfig(**raw["method"]), TrainConfig(**raw["train"]))


def folds_of(trial: FrozenTrial) -> dict[int, FoldResult]:
    """The results that the trial's folds have so far."""
    return {
        int(k.removeprefix(FOLD)): FoldResult.from_json(v) for k, v in trial.user_attrs.items() if k.startswith(FOLD)
    }


def _dump(configuration: Configuration) -> str:
    return json.dumps(asdict(configuration))


def _storage(url: str) -> Any:
    from optuna.storages import RDBStorage

    if not url.startswith("sqlite"):
        return url
    # Readers such as a report may hold the file for a moment; waiting beats failing.
    return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
