"""Where a study's results come from, as its record holds it: provenance, configuration and folds."""

from __future__ import annotations

import shlex
from typing import Any

from study.config.values import plain
from study.core import answer_tables
from study.core.records import Provenance
from study.core.secrets import mask, mask_all
from study.data.examples import Classified
from study.models import backbones, targets
from study.record import provenance
from study.search.ledger import Ledger
from study.search.plan import Plan


def origin_of(plan: Plan, ledger: Ledger, argv: list[str]) -> Provenance:
    """What identifies the study, its data, its model and this process; `argv` is the command's arguments."""
    typed = [mask(argument) for argument in argv]
    return provenance.collect(
        study_id=ledger.study_id,
        directions=plan.directions,
        metric=plan.metric,
        command=shlex.join(typed),
        arguments=typed,
        data_fingerprint=plan.examples.fingerprint,
        folds_fingerprint=plan.folds_fingerprint,
        model_fingerprint=backbones.fingerprint(plan.config.model, plan.examples),
        notes=plan.examples.notes,
        examples=str(len(plan.searched)),
        test_examples=str(len(plan.test)),
        **_classes(plan),
        linears=targets.describe(plan.shapes.sites),
    )


def _classes(plan: Plan) -> dict[str, str]:
    """How many classes are learned; nothing where none are."""
    return {"classes": str(len(plan.examples.class_names))} if isinstance(plan.examples, Classified) else {}


def artifacts(plan: Plan) -> dict[str, object]:
    """Files by name: the resolved configuration, the positions of each fold's and the test's examples, of further
    cross-validations those that are held out, and a table of the examples that folds hold out."""
    repeats = [fold for number in range(1, plan.config.study.most_repeats) for fold in plan.repeat(number)]
    folds: dict[str, Any] = {str(f.index): {"train": f.train.tolist(), "valid": f.valid.tolist()} for f in plan.folds}
    folds |= {str(f.index): {"valid": f.valid.tolist()} for f in repeats}
    labels = plan.examples.labels if isinstance(plan.examples, Classified) else None
    return {
        "config.yaml": mask_all(plain(plan.config)),
        "folds.json": {**folds, "test": plan.test.tolist()},
        answer_tables.STUDY: answer_tables.to_split(answer_tables.examples(plan.folds, labels, plan.examples.groups)),
    }
