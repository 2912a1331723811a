"""What is durable of a study beside its trials, which cannot be changed once they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study.core.records import FoldResult, finite
from study.search.kept import attributes_of
from study.search.stored import EXPORT, REPEAT, exports_of, repeats_of

if TYPE_CHECKING:
    from optuna import Study

# Names of attributes of the study; stores of every version have them.
TEST, ALONE, PACKS, ENDING, WAVES = "test:", "alone:", "lora_study.packs", "lora_study.ending", "lora_study.waves"


class StudyFacts:
    """Facts of a stored study. Guarantee: one is durable when the method that keeps it returns."""

    study: Study

    def name_objectives(self, objectives: Sequence[str]) -> None:
        """Let Optuna's dashboard call the objectives by their names."""
        import warnings

        from optuna.exceptions import ExperimentalWarning

        names = list(objectives)
        if self.study.metric_names != names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                self.study.set_metric_names(names)

    def ending(self) -> dict[str, Any]:
        """Why the search ended before its budget; nothing where it did not."""
        return dict(self.study.user_attrs.get(ENDING, {}))

    def keep_ending(self, ending: dict[str, Any]) -> None:
        """Make it durable: a study that is resumed stays ended."""
        self.study.set_user_attr(ENDING, ending)

    def waves(self) -> int:
        """How many waves are over, in a study whose trials begin one after another."""
        return int(self.study.user_attrs.get(WAVES, 0))

    def keep_waves(self, count: int) -> None:
        """Make durable how many waves are over: which folds of a trial count follows from it."""
        self.study.set_user_attr(WAVES, count)

    def pack_sizes(self) -> dict[str, int]:
        """How many members of each group train together, as far as that has been decided."""
        return dict(self.study.user_attrs.get(PACKS, {}))

    def keep_pack_size(self, group: str, size: int) -> None:
        """Decide it for good: a study that is resumed packs alike."""
        self.study.set_user_attr(PACKS, {**self.pack_sizes(), group: size})

    def keep_test_score(self, number: int, figures: dict[str, float]) -> None:
        """Make a held-out score durable; beside the study, since a told trial cannot be changed."""
        self.study.set_user_attr(f"{TEST}{number}", figures)

    def test_scores(self) -> dict[int, dict[str, float]]:
        """The held-out scores taken so far, by trial."""
        attributes = self.study.user_attrs
        kept = {int(k.removeprefix(TEST)): v for k, v in attributes.items() if k.startswith(TEST)}
        return {number: figures for number, figures in kept.items() if finite(figures) == figures}

    def keep_repeat(self, result: FoldResult) -> None:
        """Make a fold of a further cross-validation durable; beside the study, since its trial has been told."""
        for key, text in attributes_of(result).items():
            self.study.set_user_attr(f"{REPEAT}{result.trial}:{key}", text)

    def repeats(self) -> dict[int, dict[int, FoldResult]]:
        """The results of further cross-validations, by trial and by the fold's index."""
        return repeats_of(self.study)

    def keep_alone_costs(self, number: int, figures: dict[str, float]) -> None:
        """Make durable what a trial costs where nothing else trains; beside the study, as its held-out score is."""
        self.study.set_user_attr(f"{ALONE}{number}", finite(figures))

    def alone_costs(self) -> dict[int, dict[str, float]]:
        """What has been measured alone so far, by trial."""
        kept = {k: v for k, v in self.study.user_attrs.items() if k.startswith(ALONE)}
        return {int(key.removeprefix(ALONE)): dict(figures) for key, figures in kept.items()}

    def keep_export(self, number: int, label: str, figures: dict[str, float]) -> None:
        """Make an export's figures durable; the last ones of a label stay."""
        self.study.set_user_attr(f"{EXPORT}{number}:{label}", finite(figures))

    def exports(self) -> dict[tuple[int, str], dict[str, float]]:
        """The figures of exports by trial and label."""
        return exports_of(self.study)
