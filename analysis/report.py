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
from analysis.painter import Here, paint, paint_inline
from analysis.printed import SETTINGS
from analysis.runs import StudyRuns, load_study
from analysis.tables import ENDINGS, save_tables
from study.core.names import check_name


def write_report(
    name: str,
    out_dir: str | Path,
    tracking_uri: str | None = None,
    figures: Sequence[str] = (),
    drawing: Executor | None = None,
    tables: Sequence[str] = (),
    tolerance: float | None = None,
    confidence: float | None = None,
    say: Callable[[str], object] = len,
) -> Path:
    """Write <out_dir>/<name>/ and return its index.html; nothing is written where the study is unknown.

    `figures` are the kinds of files, of svg, png and pdf, that hold every figure beside the page; of none there is the
    SVG that the Markdown shows. `drawing` is where they are drawn, by default in this process. `tables` are the kinds
    of files, of csv and latex, that hold every table. `tolerance` and `confidence` are those of the recommendation
    (study/config/schema.py), by default the study's own. `say` hears the answer.
    """
    check_name("study", name)  # such as ../x must not lead out of the folder
    check_kinds(figures, tables)
    findings = read_findings(load_study(name, tracking_uri), tracking_uri, tolerance, confidence)
    index = write_findings(findings, out_dir, figures, drawing, tables)
    say(headline(findings))
    return index


def read_findings(
    runs: StudyRuns, tracking_uri: str | None = None, tolerance: float | None = None, confidence: float | None = None
) -> Findings:
    """The findings of a study's runs and of the answers to single examples that lie beside them."""
    answers, unanswered = answers_or_reason(runs, compared_numbers(runs), tracking_uri)
    return findings_of(runs, answers, tolerance, confidence, unanswered)


def check_kinds(figures: Sequence[str], tables: Sequence[str]) -> None:
    """Raise ReportError at a kind of file that there is not."""
    for key, kinds, known in (("figures", figures, SETTINGS), ("tables", tables, ENDINGS)):
        if unknown := [kind for kind in kinds if kind not in known]:
            given = f"{key}={','.join(kinds)}"
            raise ReportError(given, f"holds {unknown[0]!r}, which is no kind", f"write {','.join(known)}")


def write_findings(
    findings: Findings,
    out_dir: str | Path,
    figures: Sequence[str] = (),
    drawing: Executor | None = None,
    tables: Sequence[str] = (),
) -> Path:
    """Write <out_dir>/<the study's name>/ and return its index.html; ReportError where that cannot be."""
    try:
        return _write(findings, Path(out_dir) / findings.runs.name, figures, drawing or Here(), tables)
    except OSError as error:
        raise ReportError(f"out={out_dir}", f"cannot be written ({error})", "name a folder you may write to") from error


def _write(findings: Findings, folder: Path, figures: Sequence[str], drawing: Executor, tables: Sequence[str]) -> Path:
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    plots = findings.figures if figures else findings.plots[:1]
    inside = paint_inline(findings.figures, drawing)
    drawn = paint(plots, folder / "figures", figures or ("svg",), drawing)
    if tables:
        save_tables(findings, folder / "tables", tables)
    findings.runs.trials.to_csv(folder / "trials.csv", index=False)
    findings.front.to_csv(folder / "front.csv", index=False)
    (folder / "report.md").write_text(brief.markdown_of(findings), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(page.page_of(findings, lambda plot: inside[plot.name].result()), encoding="utf-8")
    for figure in drawn:
        figure.result()
    return index
