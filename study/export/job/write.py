"""One export after the other: trained once more, written, loaded back, measured, described, recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from study.core import status_line
from study.core.errors import StudyError, first_line
from study.data.examples import Examples, Texts
from study.export.formats.base import Format
from study.export.job import card, measure, retrain
from study.export.job.bar import Bar
from study.export.job.evidence import gather
from study.export.job.publish import publish
from study.export.job.request import Job
from study.export.job.trained import Trained
from study.export.runtime.manifest import Manifest
from study.models import encoders, hub
from study.scoring import losses

VERIFIED = 48  # texts whose logits are compared, from the shortest to the longest


def export(job: Job) -> None:
    """Train the configuration once more, then write, verify, measure and record each format."""
    trained, scores = retrain.train(job.plan, job.chosen.trial, job.chosen.configuration, job.wanted.data)
    score = held_out(job, trained, scores)
    status_line.say("Answering with the trained model")
    evidence = gather(job.plan, job.chosen, job.results, trained[0], score, job.ledger.alone_costs())
    texts = sample(job.plan.examples)
    logits = mean_logits(trained, texts)
    for made in job.formats:
        with publish(job.folder(made)) as folder, Bar(job.label(made), 3) as bar:
            with _explain_failures(made):
                bar.say("writing")
                manifest = write(job, made, trained, folder)
                bar.advance()
                bar.say("comparing with the trained model")
                figures = {"max_difference": measure.difference(manifest, folder, texts, logits)}
                bar.advance()
            bar.say("measuring in a process of its own")
            figures |= measure.figures(manifest, folder, texts[len(texts) // 2])
            bar.advance()
            figures |= {} if score is None else {"test_score": score}
            text = card.render(folder, job.folder(made), evidence, made, manifest, figures)
            (folder / measure.CARD).write_text(text, encoding="utf-8")
        status_line.say("Recording")
        job.ledger.keep_export(job.chosen.trial, job.label(made), figures)
        if job.run is not None:
            job.run.log(job.label(made), figures)
        status_line.hide()
        print(f"{job.label(made)}: {job.folder(made)}")
    if job.wanted.register is not None and job.run is not None:
        status_line.say("Registering the model")
        name = job.run.register(job.wanted.register, job.folder(job.formats[0]), list(texts[:2]), trained[0].frame.kind)
        status_line.hide()
        print(name)


def write(job: Job, made: Format, trained: list[Trained], folder: Path) -> Manifest:
    """Write the export's files, those of one model or of each member of an ensemble in a folder of its own; its
    manifest."""
    names = tuple(f"fold-{i}" for i in range(len(trained))) if job.wanted.data == retrain.ENSEMBLE else ()
    whole = manifest_of(job, made, trained[0])
    for name, one in zip(names or ("",), trained, strict=True):
        part = folder / name
        part.mkdir(exist_ok=True)
        made.write(one, part)
        one.tokenizer.save_pretrained(str(part))
        whole.write(part)
    manifest = replace(whole, members=names)
    manifest.write(folder)
    return manifest


def manifest_of(job: Job, made: Format, one: Trained) -> Manifest:
    """The manifest of an export of one model."""
    model = one.configuration.model
    return Manifest(
        format=made.name,
        study=job.plan.config.study.name,
        trial=job.chosen.trial,
        data=job.wanted.data,
        model=hub.absolute_name(model.name),
        fingerprint=encoders.fingerprint(model),
        random_weights=model.random_weights,
        pooling=model.pooling,
        trust_remote_code=model.trust_remote_code,
        classes=one.classes,
        frame=one.frame,
        libraries=made.libraries(one),
    )


def sample(examples: Examples) -> tuple[Any, ...]:
    """Some of the study's texts, or documents, from the shortest to the longest."""
    order, inputs = np.argsort(examples.input_sizes(), kind="stable"), examples.inputs()
    places = np.unique(np.linspace(0, len(order) - 1, VERIFIED).round().astype(int))
    return tuple(inputs[i] for i in order[places])


def mean_logits(trained: list[Trained], texts: tuple[Any, ...]) -> np.ndarray:
    """The suite's own logits [n, outputs] of these texts, averaged over the models."""
    return np.mean([one.logits(texts) for one in trained], axis=0)  # type: ignore[no-any-return]


def held_out(job: Job, trained: list[Trained], scores: dict[str, float]) -> float | None:
    """The score on the held-out examples, None where there are none or they were trained on."""
    if job.wanted.data == retrain.ALL or not len(job.plan.test):
        return None
    if job.wanted.data == retrain.SEARCHED:
        return scores[job.plan.metric]
    test = job.plan.examples.take(job.plan.test)
    assert isinstance(test, Texts)
    return losses.classification(mean_logits(trained, test.texts), test.labels)[job.plan.metric]


@contextmanager
def _explain_failures(made: Format) -> Iterator[None]:
    """While open, whatever a format's own library raises becomes one StudyError: no list says which models it can
    write."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:
        first = first_line(error)
        rule = f"cannot be written for this model ({type(error).__name__}: {first})"
        raise StudyError(f"format={made.name}", rule, "choose another format") from error
