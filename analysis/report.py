"""Writes a study's report: the page, the Markdown, the figures and the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis import brief, page
from analysis.errors import ReportError
from analysis.findings import Findings, findings_of
from analysis.printed import SETTINGS, save
from analysis.runs import load_study
from study.core.names import check_name


def write_report(name: str, out_dir: str | Path, tracking_uri: str | None = None, figures: Sequence[str] = ()) -> Path:
    """Write <out_dir>/<name>/ and return its index.html; nothing is written where the study is unknown.

    `figures` are the kinds of files, of svg and png, that hold every figure beside the page; of none there is the SVG
    that the Markdown shows.
    """
    check_name("study", name)  # such as ../x must not lead out of the folder
    unknown = [kind for kind in figures if kind not in SETTINGS]
    if unknown:
        raise ReportError(f"figures={','.join(figures)}", f"holds {unknown[0]!r}, which is no kind", "write svg,png")
    findings = findings_of(load_study(name, tracking_uri))
    folder = Path(out_dir) / name
    try:
        return _write(findings, folder, figures)
    except OSError as error:
        raise ReportError(f"out={out_dir}", f"cannot be written ({error})", "name a folder you may write to") from error


def _write(findings: Findings, folder: Path, figures: Sequence[str]) -> Path:
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for plot in findings.figures if figures else findings.plots[:1]:
        save(plot, folder / "figures", figures or ("svg",))
    findings.runs.trials.to_csv(folder / "trials.csv", index=False)
    findings.front.to_csv(folder / "front.csv", index=False)
    (folder / "report.md").write_text(brief.markdown_of(findings), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(page.page_of(findings), encoding="utf-8")
    return index
