"""`lora-export`'s whole work: export what was asked for, then show the exports of the study."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from study.config import bounds
from study.core import interruption, status_line
from study.core.figures import EXPORTED
from study.export.job import measure, table
from study.export.job.request import Job, Wanted, prepare
from study.export.job.write import export
from study.search.stored import exports_of, find


def keep_report(job: Job) -> None:
    """Leave the study's report as it is."""


def run_export(wanted: Wanted, renew_report: Callable[[Job], None] = keep_report) -> int:
    """Export, or show what has been exported; the exit status, which is 1 where nothing is within the bounds.

    `renew_report` is called after an export, when its figures are recorded.

    Everything that the command can get wrong raises StudyError before anything is created.
    """
    limits = bounds.parse("within", wanted.within, EXPORTED, {}) if wanted.within else ()
    status_line.say("Looking for the study")
    study, config = find(wanted.storage, wanted.study)
    if wanted.formats:
        with _quiet():
            job = prepare(wanted, config)
            interruption.unwind()  # from here on, there are folders half written
            export(job)
            renew_report(job)
        study = find(wanted.storage, wanted.study)[0]
    rows = exports_of(study)
    fitting = {key for key, figures in rows.items() if bounds.within(limits, measure.deployment_figures(figures))}
    labels = {t.number: table.name_of(t) for t in study.get_trials(deepcopy=False)} if rows else {}
    status_line.end()
    print(table.render(wanted.study, rows, labels, fitting, wanted.within, wanted.storage))
    return 0 if fitting or not wanted.within else 1


@contextmanager
def _quiet() -> Iterator[None]:
    """While open, libraries show no bars and make no remarks: an export says in a line where it lies."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
