"""What is known of a trial before its run begins."""

from __future__ import annotations

from dataclasses import dataclass

from study.config.schema import Configuration
from study.core.records import Adaptation
from study.record.tags import trial_tags


@dataclass
class Coming:
    """A trial that has been told and whose run begins with its first fold."""

    configuration: Configuration
    label: str
    baseline: str | None
    adaptation: Adaptation | None = None

    @property
    def tags(self) -> dict[str, str]:
        """What its run says of it."""
        return trial_tags(self.label, self.baseline, self.adaptation)
