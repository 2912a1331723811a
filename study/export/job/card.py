"""The model card: a README.md with the study's evidence, and how to load the model in three lines."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from study.core import formatting as fmt
from study.core import markdown
from study.core.limits import difference_interval
from study.core.quoting import python_text
from study.export.formats.base import Format
from study.export.job.evidence import Difference, Evidence
from study.export.runtime.frame import CHOOSE, CLASSIFY, WRITE
from study.export.runtime.manifest import Manifest
from study.models.embedded import ENCODERS
from study.record import provenance

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TEMPLATE = "card.md.j2"  # every sentence of the card
EXAMPLE = "a fine film"
PIPELINES = {CLASSIFY: "text-classification", WRITE: "text-generation", CHOOSE: "summarization"}
LIBRARIES = {"peft": "peft", "merged": "transformers", "compressed": "lora-study", "onnx": "onnx"}


def render(
    folder: Path, place: Path, e: Evidence, made: Format, manifest: Manifest, figures: Mapping[str, float]
) -> str:
    """The card's whole text; the export lies in `folder` and will lie at `place`."""
    from huggingface_hub import ModelCard

    place = place.absolute()  # the code is run wherever it is copied to
    card = ModelCard.from_template(
        _metadata(e, manifest),
        template_str=files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8"),
        text=lambda value: markdown.escape_inside(str(value)),
        e=e,
        manifest=manifest,
        kind=manifest.frame.kind,
        held_out=f"{e.test_examples:,}",
        needs_base=made.needs_base,
        differences=[_difference_row(e.metric, d) for d in e.differences],
        within=fmt.probability(e.within),
        costs=_costs(e, figures),
        origin=_origin(e, manifest),
        **_ways(folder, place, made, manifest),
    )
    return f"{str(card).rstrip()}\n"


def _metadata(e: Evidence, manifest: Manifest) -> ModelCardData:
    """The card's metadata, as the Hugging Face Hub reads it; a base model that is not on the Hub is left out."""
    from huggingface_hub import ModelCardData

    base = manifest.model
    public = base not in ENCODERS and not Path(base).exists()
    result = _result(e, PIPELINES[manifest.frame.kind])
    return ModelCardData(
        library_name=LIBRARIES[manifest.format],
        pipeline_tag=PIPELINES[manifest.frame.kind],
        tags=["lora-study", str(e.settings["method.kind"])],
        base_model=base if public else None,
        model_name=f"{e.study} trial {e.trial}" if result else None,
        eval_results=result,
    )


def _result(e: Evidence, task: str) -> list[EvalResult] | None:
    """The score on the held-out examples in the Hub's form, None where there is none."""
    from huggingface_hub import EvalResult

    if e.test_score is None:
        return None
    return [
        EvalResult(
            task_type=task,
            dataset_type=e.task,
            dataset_name=e.task,
            metric_type=e.metric,
            metric_value=float(e.test_score),
            metric_name=f"{e.metric} on held-out examples",
        )
    ]


def _ways(folder: Path, place: Path, made: Format, manifest: Manifest) -> dict[str, str]:
    """Python that loads the export, with this suite and, where the format can be read so, without it."""
    chooses = manifest.frame.kind == CHOOSE
    given = f'("What is it about?", ["{EXAMPLE}.", "Another sentence."])' if chooses else f'"{EXAMPLE}"'
    inside = python_text(place.as_posix())[1:-1]  # formats put it between double quotes
    ours = f'from study.export import load\n\nmodel = load("{inside}"{manifest.trusting})\nprint(model([{given}]))'
    if manifest.members:
        return {"ours": ours}
    remark, other = made.also(folder, inside, manifest, EXAMPLE)
    without = made.code(folder, inside, manifest, EXAMPLE)
    return {"ours": ours, "without": without, "remark": remark, "other": other}


def _difference_row(metric: str, d: Difference) -> tuple[str, ...]:
    """A row of the card's table: the other's name, trial and score, the difference and its intervals."""
    intervals = difference_interval(metric, d.low, d.high), difference_interval(metric, d.all_low, d.all_high)
    return d.name, str(d.trial), fmt.number(d.score), f"{d.mean:+.4f}", *intervals


def _costs(e: Evidence, figures: Mapping[str, float]) -> list[tuple[str, str]]:
    """Rows of what the export costs, name and value; figures that are missing have none."""
    rows = [
        ("trained parameters", fmt.count(e.figures.get("params/trainable"))),
        ("stored parameters", fmt.count(figures.get("parameters"))),
        ("stored bytes", fmt.count(figures.get("bytes"))),
        ("bytes of the base model beside it", fmt.count(figures.get("base_bytes"))),
        ("latency, median", fmt.milliseconds(figures.get("latency_p50_ms"), 1)),
        ("latency, 95th percentile", fmt.milliseconds(figures.get("latency_p95_ms"), 1)),
        ("peak memory, bytes", fmt.count(figures.get("peak_bytes"))),
        ("largest difference of a logit from the trained model's", f"{figures['max_difference']:.1e}"),
    ]
    return [(name, value) for name, value in rows if value != fmt.MISSING]


def _origin(e: Evidence, manifest: Manifest) -> list[tuple[str, str]]:
    """Rows of where the export comes from, name and value: study, data, model, settings, notes and versions."""
    return [
        ("study and trial", f"{e.study}, {e.trial}"),
        ("task", e.task),
        ("data fingerprint", e.data_fingerprint),
        ("folds fingerprint", e.folds_fingerprint),
        ("base model's fingerprint", manifest.fingerprint),
        *((key, str(value)) for key, value in e.settings.items()),
        *(e.notes.items()),
        ("versions", ", ".join(f"{k} {v}" for k, v in provenance.versions().items())),
    ]
