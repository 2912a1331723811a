"""Writes a study's report: the page, the Markdown, the figures and the tables."""

from __future__ import annotations

from pathlib import Path
from traceback import format_exception

from analysis import brief, page
from analysis.answers import answers_or_reason
from analysis.epochs import load_epochs
from analysis.errors import ReportError
from analysis.findings import Findings, findings_of
from analysis.judgement import compared_numbers
from analysis.notes import conclusion_of
from analysis.options import Options
from analysis.painter import paint, paint_inline
from analysis.runs import StudyRuns, load_study
from analysis.spreadsheet import as_csv
from analysis.tables import save_tables
from analysis.view import view_of
from study.core import status_line
from study.core.errors import StudyError, first_line
from study.core.names import check_name
from study.core.secrets import mask

TRACE = "fault.txt"  # in a report's folder: where what could not be drawn went wrong


def write_report(
    name: str, out_dir: str | Path, tracking_uri: str | None = None, options: Options | None = None
) -> Path:
    """Write <out_dir>/<name>/ and return its index.html; nothing is written where the study is unknown."""
    check_name("study", name)  # such as ../x must not lead out of the folder
    options = options or Options()
    return write_findings(read_findings(load_study(name, tracking_uri), tracking_uri, options), out_dir, options)


def read_findings(runs: StudyRuns, tracking_uri: str | None, options: Options) -> Findings:
    """The findings of a study's runs, of the answers to single examples that lie beside them, and of epochs."""
    status_line.say("Comparing the trials")
    answers, unanswered = answers_or_reason(runs, compared_numbers(runs), tracking_uri)
    epochs = load_epochs(runs, tracking_uri)
    return findings_of(runs, answers, options.tolerance, options.confidence, unanswered, epochs)


def write_findings(findings: Findings, out_dir: str | Path, options: Options) -> Path:
    """Write <out_dir>/<the study's name>/ and return its index.html; ReportError where that cannot be.

    The answer is kept before anything is drawn. What goes wrong in drawing, a fault of this program, is said in a line,
    and where it came from is kept beside the answer.
    """
    status_line.say("Drawing the report")
    folder = Path(out_dir) / findings.runs.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRACE).unlink(missing_ok=True)
        conclusion_of(findings).write(folder)
        return _write(findings, folder, options)
    except StudyError:
        raise
    except OSError as error:
        raise ReportError(f"out={out_dir}", f"cannot be written ({error})", "name a folder you may write to") from error
    except Exception as error:
        trace = folder / TRACE
        trace.write_text(mask("".join(format_exception(error))), encoding="utf-8")
        rule = f"could not be drawn ({type(error).__name__}: {first_line(error)}), which is a fault of lora-report"
        raise ReportError(f"study={findings.runs.name}", rule, f"tell its authors, with {trace}") from error


def _write(findings: Findings, folder: Path, options: Options) -> Path:
    (folder / "figures").mkdir(exist_ok=True)
    inside = paint_inline(findings.displayed, options.drawing)  # which goes on beside while the view is computed
    drawn = paint(findings.figures, folder / "figures", options.figures, options.drawing)
    if "svg" not in options.figures:  # which the Markdown shows, whatever else is asked for
        drawn += paint(findings.plots[:1], folder / "figures", ("svg",), options.drawing)
    view = view_of(findings)
    if options.tables:
        save_tables(view, folder / "tables", options.tables)
    for name, table in ("trials", findings.runs.trials), ("front", findings.front):
        (folder / f"{name}.csv").write_text(as_csv(table), encoding="utf-8")
    (folder / "report.md").write_text(brief.markdown_of(view), encoding="utf-8")
    index = folder / "index.html"
    index.write_text(page.page_of(view, lambda plot: inside[plot.name].result()), encoding="utf-8")
    for figure in drawn:
        figure.result()
    return index
