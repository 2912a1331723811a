"""Optuna samplers, made anew for each trial so that what is asked depends on seed and results alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study import seeding
from study.config import SamplerConfig

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from study.search.space import Space


def make(config: SamplerConfig, space: Space, seed: int, trial: int) -> BaseSampler:
    """The sampler for one trial.

    A sampler that lived on would carry its random state from trial to trial; a resumed study would
    start it again and search elsewhere.
    """
    import optuna

    own = seeding.derive(seed, "sampler", trial) % 2**31
    makers: dict[str, Any] = {
        "tpe": lambda: optuna.samplers.TPESampler(
            n_startup_trials=config.startup, multivariate=True, constant_liar=True, seed=own
        ),
        "random": lambda: optuna.samplers.RandomSampler(seed=own),
        # The grid is shuffled by its seed, so that one must not change from trial to trial.
        "grid": lambda: optuna.samplers.GridSampler(space.grid(), seed=seed),
        "nsga2": lambda: optuna.samplers.NSGAIISampler(population_size=max(2, config.startup), seed=own),
        "gp": lambda: optuna.samplers.GPSampler(n_startup_trials=config.startup, seed=own),
    }
    return _blind(makers[config.name]())


def _blind(sampler: BaseSampler) -> BaseSampler:
    """The sampler, not seeing the baselines.

    They lie outside the space; samplers model the parameters that *all* trials share, which with
    them would be none.
    """
    from optuna.samplers import BaseSampler

    class Blind(BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return sampler.infer_relative_search_space(_Searched(study), trial)  # type: ignore[arg-type]

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return sampler.sample_relative(_Searched(study), trial, search_space)  # type: ignore[arg-type]

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            return sampler.sample_independent(_Searched(study), trial, param_name, param_distribution)  # type: ignore[arg-type]

        def before_trial(self, study: Any, trial: Any) -> None:
            sampler.before_trial(study, trial)

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            sampler.after_trial(_Searched(study), trial, state, values)  # type: ignore[arg-type]

    return Blind()


class _Searched:
    """An Optuna study without its baselines."""

    def __init__(self, study: Any) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def stop(self) -> None:
        """The grid sampler asks for this when it is exhausted; here the budget alone ends a study."""

    def _get_trials(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [t for t in self._study._get_trials(*args, **kwargs) if "baseline" not in t.user_attrs]

    def get_trials(self, *args: Any, **kwargs: Any) -> list[Any]:
        return [t for t in self._study.get_trials(*args, **kwargs) if "baseline" not in t.user_attrs]
