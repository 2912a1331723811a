"""The chosen configuration, trained once more: on all that was searched, on everything, or fold by fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from study.config.members import Member
from study.config.schema import Configuration, ModelConfig
from study.core import seeding, status_line
from study.core.errors import StudyError
from study.core.records import Fold
from study.data.study_data import StudyData
from study.engine.fit import Course, Fit
from study.engine.workbench import Workbench, default_device
from study.export.job import kinds
from study.export.job.bar import Bar
from study.export.job.trained import Trained
from study.methods.layers import stored
from study.models import backbones
from study.models.encoders import Encoder
from study.search.plan import Plan

SEARCHED, ALL, ENSEMBLE = "searched", "all", "ensemble"


class CountedFit(Fit):
    """A training whose steps a person at a terminal sees."""

    bar: Bar | None = None

    def run_counted(self, what: str) -> list[Course]:
        """Train to the end, with a bar that says what is trained."""
        with Bar(what, sum(course.total_steps for course in self.courses)) as self.bar:
            return self.run()

    def step(self, batches: list[np.ndarray], active: bool = True) -> torch.Tensor:
        task = super().step(batches, active)
        if self.bar is not None:
            self.bar.advance()
        return task


def members(plan: Plan, number: int, configuration: Configuration, data: str) -> tuple[StudyData, list[Member]]:
    """The examples with their folds, and the members that train on them.

    `searched` and `all` train with the seed of the study's own held-out scores: `searched` is the very training whose
    test score the study took of the trials of its front. `ensemble` is the trial's folds, as they were.
    """
    seed, adaptation = plan.config.study.seed, plan.adaptation(configuration)
    if data == ENSEMBLE:
        seeds = [seeding.derive(seed, "fold", f.index) for f in plan.folds]
        parts = zip(plan.folds, seeds, strict=True)
        return StudyData(plan.examples, plan.folds), [
            Member(number, f.index, configuration, fold_seed, adaptation) for f, fold_seed in parts
        ]
    judged = plan.test if len(plan.test) else plan.folds[0].valid  # an epoch is scored on something
    train = np.sort(np.concatenate([plan.searched, plan.test])) if data == ALL else plan.searched
    last = Fold(len(plan.folds), train, judged)
    member = Member(number, last.index, configuration, seeding.derive(seed, "test"), adaptation)
    return StudyData(plan.examples, (*plan.folds, last)), [member]


def train(plan: Plan, number: int, configuration: Configuration, data: str) -> tuple[list[Trained], dict[str, float]]:
    """The trained models, one, or one for each fold of an ensemble, and the last one's scores on its own fold.

    Raises StudyError where training fails.
    """
    examples, to_train = members(plan, number, configuration, data)
    bench = Workbench(examples, default_device(), plan.config.engine)
    out, scores = [], {}
    for place, member in enumerate(to_train, 1):
        status_line.say("Loading the model and preparing its frozen layers")
        fit = CountedFit([member], bench)
        (course,) = fit.run_counted("training" if data != ENSEMBLE else f"training {place} of {len(to_train)}")
        if course.error is not None:
            raise StudyError(f"trial={number}", course.error, "choose another trial")
        out.append(of_fit(fit, bench))
        scores = course.scores
    return out, scores


def of_fit(fit: Fit, bench: Workbench) -> Trained:
    """The first member of a fit that has been closed, in float32 on the CPU.

    Frozen weights are the base model's own: in a study of bfloat16 they were rounded, and the export is not.
    """
    pack, configuration, examples = fit.pack, fit.pack.members[0].configuration, bench.data.examples
    encoder = _plain(bench, configuration.model)
    backbone = pack.backbone.to("cpu").float() if pack.full else encoder.backbone
    starts = {name: stored.trained_start(packed) for name, packed in pack.attached.items()}
    head, bias = (t[0].detach().cpu().float() for t in (pack.head, pack.bias))
    exported = kinds.of(examples)
    frame = exported.frame(examples, encoder, configuration.model.max_length)
    frozen = backbone.requires_grad_(False).eval()
    return Trained(frozen, starts, head, bias, exported.classes(examples), encoder.tokenizer, frame, configuration)


def _plain(bench: Workbench, model: ModelConfig) -> Encoder:
    """The model's backbone in float32 on the CPU."""
    if model.precision == "float32" and bench.device.type == "cpu":
        return bench.encoder(model)
    plain_model = replace(model, precision="float32")
    key = ("plain", model.name, model.random_weights)
    return bench.once(key, lambda: backbones.load(plain_model, bench.data.examples))
