"""Writes a study's report: the page, the Markdown, the figures and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from analysis import brief, page
from analysis.answers import answers_or_reason
from analysis.errors import ReportError
from analysis.findings import Findings, findings_of, headline
from analysis.judgement import compared_numbers
from analysis.painter import Here, paint
from analysis.printed import SETTINGS
from analysis.runs import load_study
from study.core.names import check_name


def write_report(
    name: str,
    out_dir: str | Path,
    tracking_uri: str | None = None,
    figures: Sequence[str] = (),
    drawing: Executor | None = None,
    tolerance: float | None = None,
    confidence: float | None = None,
    say: Callable[[str], object] = len,
) -> Path:
    """Write <out_dir>/<name>/ and return its index.html; nothing is written where the study is unknown.

    `figures` are the kinds of files, of svg and png, that hold every figure beside the page; of none there is the SVG
    that the Markdown shows. `drawing` is where they are drawn, by default in this process. `tolerance` and `confidence`
    are those of the recommendation (study/config/schema.py), by default the study's own. `say` hears the answer.
    """
    check_name("study", name)  # such as ../x must not lead out of the folder
    unknown = [kind for kind in figures if kind not in SETTINGS]
    if unknown:
        raise ReportError(f"figures={','.join(figures)}", f"holds {unknown[0]!r}, which is no kind", "write svg,png")
    runs = load_study(name, tracking_uri)
    answers, unanswered = answers_or_reason(runs, compared_numbers(runs), tracking_uri)
    findings = findings_of(runs, answers, tolerance, confidence, unanswered)
    folder = Path(out_dir) / name
    try:
        index = _write(findings, folder, figures, drawing or Here())
    except OSError as error:
        raise ReportError(f"out={out_dir}", f"cannot be written ({error})", "name a folder you may write to") from error
    say(headline(findings))
    return index


def _write(findings: Findings, folder: Path, figures: Sequence[str], drawing: Executor) -> Path:
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    plots = findings.figures if figures else findings.plots[:1]
    drawn = paint(plots, folder / "figures", figures or ("svg",), drawing)
    findings.runs.trials.to_csv(folder / "trials.csv", index=False)
    findings.front.to_csv(folder / "front.csv", index=False)
    (folder / "report.md").write_text(brief.markdown_of(findings), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(page.page_of(findings), encoding="utf-8")
    for figure in drawn:
        figure.result()
    return index
