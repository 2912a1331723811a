"""Groups whose options name a class by `_target_`, with its arguments, and what is taken where none is named."""

from __future__ import annotations

# The sampler where none is named; conf/sampler/tpe.yaml says the same.
TPE = {
    "_target_": "optuna.samplers.TPESampler", "n_startup_trials": 10, "multivariate": True, "constant_liar": True,
}  # fmt: skip
# The launcher and the tracker where none is named, as in conf/launcher/local.yaml and conf/tracking/mlflow.yaml.
LOCAL = {"_target_": "study.launch.local.LocalLauncher", "workers": None, "timeout": None}
IN_MLFLOW = {"_target_": "study.record.mlflow.MlflowTracker", "uri": None}
UNTRACKED = {"_target_": "study.record.none.NoTracker"}
# The pruner where none is named, as in conf/pruner/none.yaml: every trial has all its folds.
UNPRUNED = {"_target_": "study.search.pruners.none.NoPruner"}
OPEN = (
    "sampler",
    "launcher",
    "tracking",
    "pruner",
)  # groups whose keys are arguments of their `_target_`
