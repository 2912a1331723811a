"""What models of each kind of examples are exported as: one kind a file, by the name that the kind has everywhere."""

from __future__ import annotations

from study.core import kinds
from study.data.examples import Examples
from study.export.job.kinds.base import Exported


def is_exported(examples: Examples) -> bool:
    """Whether a model that learned from such examples is exported at all."""
    return kinds.has(__name__, examples.kind)


def of(examples: Examples) -> Exported:
    """What a model that learned from these examples is exported as; ConfigError where it is not :func:`is_exported`."""
    exported: Exported = kinds.module(__name__, examples.kind).EXPORTED
    return exported
