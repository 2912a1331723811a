"""What a machine decides for a study at its first start, kept with it, so that another machine goes on alike.

The number of members in a pack is decided later, as groups of them appear: `Ledger.pack_sizes`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from study.config.schema import StudyConfig
from study.core import stores
from study.launch import Launcher, Worker, WorkerDied
from study.search.storage import existing, study_in
from study.search.stored import CONFIG

AUTO = "auto"
PRECISION = "model.precision"
DECISIONS = "lora_study.decisions"  # the attribute of a stored study: decisions by configuration key
Decisions = dict[str, str]


def recall(config: StudyConfig) -> Decisions:
    """What has been decided for the stored study of the configuration's name; nothing where there is none."""
    url = config.storage.url
    if not config.undecided or not stores.check("storage.url", url, stores.OPTUNA):
        return {}
    known = study_in(existing(url), config.study.name)
    return {} if known is None else among(known.user_attrs)


def among(attributes: Mapping[str, Any]) -> Decisions:
    """The decisions among a stored study's attributes.

    Of a study that was begun with a precision, or by a version that kept its choice as if it had been: that one.
    """
    if DECISIONS in attributes:
        return dict(attributes[DECISIONS])
    precision = json.loads(attributes.get(CONFIG, "{}")).get("model", {}).get("precision", AUTO)
    return {} if precision == AUTO else {PRECISION: precision}


def ask(launcher: Launcher) -> Decisions:
    """What the machine decides that a worker runs on."""
    try:
        return {PRECISION: launcher.ask(Worker.precision)}
    except WorkerDied:
        return {PRECISION: "float32"}  # a product that kills the process is none to train with
