"""The model card: a README.md with the study's evidence, and how to load the model in three lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from study.export.formats.base import Format
from study.export.job.evidence import Difference, Evidence
from study.export.runtime.frame import CHOOSE, CLASSIFY, WRITE
from study.export.runtime.manifest import Manifest
from study.models.embedded import ENCODERS
from study.record import provenance

DATA = {
    "searched": "Trained once more on all examples that the search has seen ({examples}), with the seed of the study's "
    "own held-out scores. The {test} held-out examples were not trained on.",
    "all": "Trained once more on every example, the {test} held-out ones included: the scores below are those of the "
    "same configuration on less data, and no example is left to score this very model on.",
    "ensemble": "The models of the study's folds as they were, each trained without its own fold; the average of their "
    "logits answers. The {test} held-out examples were not trained on.",
}
PIPELINES = {CLASSIFY: "text-classification", WRITE: "text-generation", CHOOSE: "summarization"}
LIBRARIES = {"peft": "peft", "merged": "transformers", "compressed": "lora-study", "onnx": "onnx"}


def render(
    folder: Path, place: Path, e: Evidence, made: Format, manifest: Manifest, figures: Mapping[str, float]
) -> str:
    """The card's whole text; the export lies in `folder` and will lie at `place`."""
    place = place.absolute()  # the code is run wherever it is copied to
    use = DATA[manifest.data].format(examples=f"{e.examples:,}", test=f"{e.test_examples:,}")
    blocks = [
        _head(e, manifest),
        f"# {e.study}, trial {e.trial}: {e.label}",
        f"{_what(e, manifest.frame.kind)} Base model: {manifest.model}. {use}",
        "## Load it",
        _python(_ours(place, manifest.frame.kind)),
        *_without(folder, place, made, manifest),
        "## Evidence",
        _scores(e, manifest),
        *_compared(e),
        "## Costs",
        _table(("figure", "value"), _costs(e, figures)),
        "Latency is of one text of median length, from the text to its answer, on one thread of the machine that wrote "
        "this. Peak memory is the resident memory of a process that loads the model and answers, less what importing "
        "the same libraries takes.",
        "## Limits",
        _limits(e, manifest, made),
        "## Origin",
        _table(("key", "value"), _origin(e, manifest)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(e: Evidence, manifest: Manifest) -> str:
    """Metadata as the Hugging Face Hub reads it; YAML holds JSON."""
    base = manifest.model
    known = base not in ENCODERS and not Path(base).exists()
    task = PIPELINES[manifest.frame.kind]
    result = {
        "task": {"type": task},
        "dataset": {"name": e.task, "type": e.task},
        "metrics": [{"type": e.metric, "value": e.test_score, "name": f"{e.metric} on held-out examples"}],
    }
    index = [{"name": f"{e.study} trial {e.trial}", "results": [result]}]
    facts = {
        "library_name": LIBRARIES[manifest.format],
        "pipeline_tag": task,
        "tags": ["lora-study", str(e.settings["method.kind"])],
        **({"base_model": base} if known else {}),
        **({"model-index": index} if e.test_score is not None else {}),
    }
    return "\n".join(["---", *(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in facts.items()), "---"])


def _ours(place: Path, kind: str) -> str:
    given = f'"{EXAMPLE}"' if kind != CHOOSE else f'("What is it about?", ["{EXAMPLE}.", "Another sentence."])'
    return f'from study.export import load\n\nmodel = load("{place.as_posix()}")\nprint(model([{given}]))'


EXAMPLE = "a fine film"


def _without(folder: Path, place: Path, made: Format, manifest: Manifest) -> list[str]:
    """The same without this suite, where the format can be read without it."""
    if manifest.members:
        return []
    code = made.code(folder, place.as_posix(), manifest, EXAMPLE)
    said, other = made.also(folder, place.as_posix(), manifest, EXAMPLE)
    return [code and "Without lora-study:", _python(code), said, _python(other)]


def _python(code: str) -> str:
    return code and f"```python\n{code}\n```"


def _scores(e: Evidence, manifest: Manifest) -> str:
    folds, error = " · ".join(f"{s:.4f}" for s in e.folds), e.figures.get("score_se")
    spread = "" if error is None else f" ± {error:.4f} (standard error)"
    lines = [f"- {e.metric} in cross-validation: **{e.figures['score']:.4f}**{spread}; folds {folds}"]
    if e.test_score is not None:
        lines.append(
            f"- {e.metric} of this very model on {e.test_examples:,} held-out examples: **{e.test_score:.4f}**"
        )
    return "\n".join(lines)


def _compared(e: Evidence) -> list[str]:
    if not e.differences:
        return []
    heads = ("score compared with", "trial", "its score", "difference", "95 % interval")
    note = "The interval is of the paired difference over folds, corrected for the training data that they share"
    return [_table(heads, map(_row, e.differences)), f"{note} (Nadeau & Bengio 2003)."]


def _row(d: Difference) -> tuple[str, ...]:
    interval = "–" if d.low is None or d.high is None else f"[{d.low:+.4f}, {d.high:+.4f}]"
    return d.name, str(d.trial), f"{d.score:.4f}", f"{d.mean:+.4f}", interval


def _costs(e: Evidence, figures: Mapping[str, float]) -> list[tuple[str, str]]:
    rows = [
        ("trained parameters", _count(e.figures.get("params/trainable"))),
        ("stored parameters", _count(figures.get("parameters"))),
        ("stored bytes", _count(figures.get("bytes"))),
        ("bytes of the base model beside it", _count(figures.get("base_bytes"))),
        ("latency, median", _milliseconds(figures.get("latency_p50_ms"))),
        ("latency, 95th percentile", _milliseconds(figures.get("latency_p95_ms"))),
        ("peak memory, bytes", _count(figures.get("peak_bytes"))),
        ("largest difference of a logit from the trained model's", f"{figures['max_difference']:.1e}"),
    ]
    return [(name, value) for name, value in rows if value]


def _limits(e: Evidence, manifest: Manifest, made: Format) -> str:
    lines = [
        f"Texts are cut at {manifest.frame.longest} tokens. {_answers(e, manifest)} It was trained and judged on the "
        f"task {e.task} alone."
    ]
    if e.lost:
        mean, most = sum(e.lost.values()) / len(e.lost), max(e.lost, key=lambda name: e.lost[name])
        lines.append(
            f"The weights of {len(e.lost)} layers were replaced by products of two thin matrices, whose span leaves "
            f"out {mean:.0%} of a weight's norm on average, and {e.lost[most]:.0%} at {most}; the scores above say "
            "how much of that training has recovered."
        )
    if made.needs_base:
        lines.append(
            "It is an adapter: the base model must be at hand where it runs, with the very same weights. Where it lies "
            'elsewhere than above: `load(folder, base="...")`.'
        )
    if e.settings["model.precision"] != "float32":
        lines.append(f"The study trained in {e.settings['model.precision']}; this export is float32.")
    return "\n".join(f"- {line}" for line in lines)


def _origin(e: Evidence, manifest: Manifest) -> list[tuple[str, str]]:
    versions = ", ".join(f"{k} {v}" for k, v in provenance.versions().items())
    rows = [
        ("study and trial", f"{e.study}, {e.trial}"),
        ("task", e.task),
        ("data fingerprint", e.data_fingerprint),
        ("folds fingerprint", e.folds_fingerprint),
        ("base model's fingerprint", manifest.fingerprint),
        *((key, str(value)) for key, value in e.settings.items()),
        *(e.notes.items()),
        ("versions", versions),
    ]
    return rows


def _table(heads: tuple[str, ...], rows: object) -> str:
    lines = [[str(c).replace("|", "\\|").replace("\n", " ") for c in row] for row in rows]  # type: ignore[attr-defined]
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(heads), [":--"] * len(heads), *lines])


def _what(e: Evidence, kind: str) -> str:
    return {
        CLASSIFY: f"Classifies a text as {_listed(e.classes or ('',))}.",
        WRITE: f"Writes a text for a text ({e.task}).",
        CHOOSE: f"Chooses sentences of a document as its summary, for what is asked about it ({e.task}).",
    }[kind]


def _answers(e: Evidence, manifest: Manifest) -> str:
    if manifest.frame.kind == CLASSIFY:
        return f"It knows {len(e.classes)} classes and answers one of them to any text."
    if manifest.frame.kind == CHOOSE:
        return f"A summary has at most {manifest.frame.budget} words, and never less than a whole sentence."
    return f"It writes at most {manifest.frame.new} tokens, which may be wrong however fluent they are."


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} ms"
