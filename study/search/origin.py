"""Where a study's results come from, as its record holds it: provenance, configuration and folds."""

from __future__ import annotations

import shlex

from study.config.values import plain
from study.core import answer_tables
from study.core.records import Provenance
from study.data.examples import Classified
from study.models import backbones, targets
from study.record import provenance
from study.search.ledger import Ledger
from study.search.plan import Plan


def origin_of(plan: Plan, ledger: Ledger, argv: list[str]) -> Provenance:
    """What identifies the study, its data, its model and this process; `argv` is the command's arguments."""
    return provenance.collect(
        study_id=ledger.study_id,
        directions=plan.directions,
        metric=plan.metric,
        command=shlex.join(argv),
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
    """Files by name: the resolved configuration, the positions of each fold's and the test's examples, and a table of
    the examples that folds hold out."""
    folds = {str(f.index): {"train": f.train.tolist(), "valid": f.valid.tolist()} for f in plan.folds}
    labels = plan.examples.labels if isinstance(plan.examples, Classified) else None
    return {
        "config.yaml": plain(plan.config),
        "folds.json": {**folds, "test": plan.test.tolist()},
        answer_tables.STUDY: answer_tables.to_split(answer_tables.examples(plan.folds, labels, plan.examples.groups)),
    }
