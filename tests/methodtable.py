"""Every method, as the contract suites try it: a new one is a row here."""

from __future__ import annotations

from study.config.schema import MethodConfig

METHODS = {
    "lora": MethodConfig(kind="lora", rank=3, targets="all-linear"),
    "factorized": MethodConfig(kind="factorized", rank=3, targets="all-linear"),
    "drop": MethodConfig(kind="factorized", rank=3, targets="all-linear", residual="drop"),
    "pattern": MethodConfig(kind="lora", rank={r".*\.0\..*": 3, "all-linear": 2}, targets="all-linear"),
    "lora_fa": MethodConfig(kind="lora_fa", rank=3, targets="all-linear"),
    "pissa": MethodConfig(kind="pissa", rank=3, targets="all-linear"),
    "dora": MethodConfig(kind="dora", rank=3, targets="all-linear"),
}
