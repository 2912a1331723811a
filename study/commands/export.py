"""The command `lora-export`: a trained model of a finished study, in the formats that devices and others read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from study.commands import arguments
from study.core import command, status_line
from study.core.errors import ConfigError, StudyError
from study.core.flags import show_with_hydra
from study.core.names import check_name
from study.core.prose import print_prose
from study.core.scratch import scratch_folder

if TYPE_CHECKING:
    from study.export.job.request import Job, Wanted

DATA = ("searched", "all")


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command and exit; status 2 and one line where the user can mend it."""
    typed = sys.argv[1:] if argv is None else argv
    command.run("lora-export", lambda: _run(typed))


def _hydra(argv: list[str]) -> int:
    """Hydra's own application, for everything that only shows: --help, --cfg, --info."""
    show_with_hydra("lora-export", "pkg://study.conf", "export", argv)
    return 0


def _run(typed: list[str]) -> int:
    if any(argument.startswith("-") for argument in typed):
        arguments.refuse_flags(typed)
        return _hydra(arguments.for_hydra(typed))
    wanted = _parse_wanted(arguments.compose(typed))
    status_line.say("Importing the libraries")
    from study.export.job.run import run_export

    return run_export(wanted, renew_report)


def renew_report(job: Job) -> None:
    """Put the study's report, which has the export's figures now, in the old one's place: in MLflow, and where the
    study has written it.

    The export is there whatever becomes of the report: where it cannot be written, that is said and the old one stays.
    """
    if job.run is None:
        return
    from analysis.options import Options
    from analysis.report import read_findings, write_findings
    from analysis.runs import load_study

    uri, options, config = job.run.client.tracking_uri, Options(), job.plan.config
    written = Path(config.report.dir) / config.study.name
    with _keeping_the_old("The report that MLflow holds"), scratch_folder() as folder:
        runs = load_study(config.study.name, uri)
        if runs.info.run_id != job.run.study_run_id:
            raise StudyError("the report", "would be that of a later study of this name", "give studies other names")
        fresh = write_findings(read_findings(runs, uri, options), folder, options).parent
        with _keeping_the_old(f"The report in {written}"):
            _replace_report(written, fresh, runs.info.run_id)
        job.run.attach_report(fresh)


@contextmanager
def _keeping_the_old(what: str) -> Iterator[None]:
    """What fails inside is said in a line, and that `what` is still the old one."""
    try:
        yield
    except (StudyError, OSError) as error:
        status_line.hide()
        print_prose(f"{what} is still the old one: {error}", sys.stderr)


def _replace_report(written: Path, fresh: Path, run: str) -> None:
    """Put the fresh report over the one that was written, if there is one, and of that study run."""
    old = written / "report.md"
    if not old.is_file() or run not in old.read_text(encoding="utf-8"):
        return
    for path in sorted(fresh.rglob("*")):  # a folder comes before what lies in it
        there = written / path.relative_to(fresh)
        there.mkdir(exist_ok=True) if path.is_dir() else shutil.copyfile(path, there)
    status_line.hide()
    print(f"Report: {written / 'index.html'}")


def _parse_wanted(config: Any) -> Wanted:
    """What was asked for, typed; ConfigError where a value cannot be."""
    from study.export.formats import FORMATS
    from study.export.job.request import Wanted
    from study.export.job.retrain import ENSEMBLE

    formats = tuple(dict.fromkeys(part.strip() for part in str(config.format or "").split(",") if part.strip()))
    check_name("study", str(config.study))
    unknown = next((name for name in formats if name not in (*FORMATS, "all")), None)
    if unknown:
        raise ConfigError(f"format={unknown}", "is no format", f"choose among {', '.join(FORMATS)}, or all")
    if config.data not in DATA:
        raise ConfigError(f"data={config.data}", f"is not one of {', '.join(DATA)}", "choose one of these")
    if config.ensemble and config.data != "searched":
        rule = "has models that were each trained without a fold, so it cannot train on everything"
        raise ConfigError("ensemble=true", rule, "leave data=all or ensemble=true away")
    if config.registered_name is not None and not config.register:
        rule, remedy = "names a model that is not registered", "add register=true, or leave registered_name=... away"
        raise ConfigError(f"registered_name={config.registered_name}", rule, remedy)
    if not formats and (config.trial is not None or config.ensemble or config.register):
        raise ConfigError("format", "must be given to export", f"write format=merged, or one of {', '.join(FORMATS)}")
    name = str(config.study) if config.registered_name is None else str(config.registered_name)
    return Wanted(
        study=str(config.study),
        storage=str(config.storage.url),
        trial="best" if config.trial is None else str(config.trial),
        formats=formats,
        data=ENSEMBLE if config.ensemble else str(config.data),
        within=None if config.within is None else str(config.within),
        out=Path(str(config.out)),
        tracking=config.tracking.uri,
        register=name if config.register else None,
        trusting=bool(config.trust_remote_code),
    )


if __name__ == "__main__":
    main()
