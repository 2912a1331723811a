"""The command line: Hydra composes, sweeps join the space, errors are one line with exit status 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

from study.commands.help import help_text
from study.config.compose import CONFIG_MODULE, CONFIG_NAME, compose, compose_raw, register_schema
from study.config.overrides import rewrite
from study.config.schema import StudyConfig
from study.core import command, interruption, status_line
from study.core.errors import StudyError
from study.core.flags import read_flags, show_with_hydra
from study.core.formatting import plural
from study.core.garbage import pause_collection
from study.core.printed_commands import report_line
from study.core.prose import print_prose

STOPPED = "Stopped. Finished folds are kept; the same command goes on from here."
PROGRAM = "lora-study"
TARGETS = "--targets"  # shows what each group of targets matches in the model
REPORTING = ("analysis.report", "analysis.deciding", "analysis.drawing")  # modules that the report wants
SYNC = "--sync"  # sends to the record what the study's store has and the record lacks


def main(argv: list[str] | None = None) -> NoReturn:
    """Run `lora-study` with these arguments and exit."""
    given = sys.argv[1:] if argv is None else argv
    command.run(PROGRAM, lambda: _run(given))


def _run(given: list[str]) -> int:
    anatomy, sends, given = TARGETS in given, SYNC in given, [a for a in given if a not in (TARGETS, SYNC)]
    arguments = read_flags(PROGRAM, given)
    flags = [a for a in given if a not in arguments.overrides and a not in ("-m", "--multirun")]
    if arguments.hydra_help or arguments.shell_completion:
        return _hydra(given)
    if arguments.help:
        text = help_text(arguments.config_dir)
        status_line.end()
        print(text)
        return 0
    overrides = rewrite(arguments.overrides, arguments.config_dir)
    if arguments.cfg or arguments.info:
        compose_raw(overrides, arguments.config_dir)  # which says in a line what is wrong with them
        return _hydra([*overrides, *flags])  # a flag may take what follows for its value
    config = compose(overrides, arguments.config_dir)
    if anatomy:
        status_line.say("Importing the libraries")
        from study.commands.targets import show

        show(config)
        return 0
    return _sync(config) if sends else _study(config, given)


def _sync(config: StudyConfig) -> int:
    status_line.say("Importing the libraries")
    from study.search.sync import sync

    return sync(config, _report)


def _study(config: StudyConfig, given: list[str]) -> int:
    _announce(config)
    with pause_collection():
        from study.search import start

        start.begin(config)  # before the driver, whose libraries take seconds too
        from study.search.driver import run_study

    try:
        return run_study(config, given, _report, REPORTING)
    except KeyboardInterrupt:
        interruption.ignore()
        status_line.end()
        print_prose(STOPPED, sys.stderr)
        return interruption.INTERRUPTED


def _announce(config: StudyConfig) -> None:
    """Tell a person at a terminal what begins, before the libraries are imported, which takes seconds."""
    status_line.hide()
    if sys.stderr.isatty():
        size = f"{plural(config.study.trials, 'trial')} of {config.study.folds} folds"
        what = f"{config.study.name}: {size}, task {config.task.name}, model {config.model.name}"
        print_prose(f"{what}. Reading the data ...", sys.stderr)
    status_line.say("Importing the libraries")


def _hydra(argv: list[str]) -> int:
    """Hydra's own application, for everything else that only shows: --cfg, --info, --hydra-help, completion."""
    register_schema()
    show_with_hydra(PROGRAM, f"pkg://{CONFIG_MODULE}", CONFIG_NAME, argv)
    return 0


def _report(config: StudyConfig) -> Path:
    """Print the answer as wide as the terminal is, and write the report; where that cannot be, MLflow's notes still
    say the answer."""
    interruption.end_at_once(STOPPED)  # everything is closed
    status_line.say("Writing the report")
    from rich.console import Console

    from analysis.deciding import deciding_command
    from analysis.findings import headline
    from analysis.notes import show_in_mlflow
    from analysis.options import Options
    from analysis.report import read_findings, write_findings
    from analysis.runs import load_study
    from study.core.mlflow_store import address, explain_refusals

    uri, options = config.tracking.get("uri"), Options()
    try:
        with explain_refusals(*address(uri)):
            findings = read_findings(load_study(config.study.name, uri), uri, options)
    except (StudyError, OSError) as error:
        raise _report_error(config, error) from error
    status_line.hide()
    Console().print(headline(findings), markup=False, highlight=False)
    if command := deciding_command(findings.runs, findings.judgement):
        print(f"What would decide: {command}")
    try:
        return write_findings(findings, config.report.dir, options)
    except (StudyError, OSError) as error:
        show_in_mlflow(findings, uri)
        raise _report_error(config, error) from error


def _report_error(config: StudyConfig, error: Exception) -> StudyError:
    """That the report is not there, why, and how it is made later."""
    what, remedy = str(error).rstrip("."), "mend it"
    if isinstance(error, StudyError):
        what, remedy = f"{error.value}: {error.rule}", error.remedy
    again = report_line(config.study.name, config.tracking.get("uri"))
    return StudyError("the report", f"could not be written ({what})", f"the runs are kept: {remedy}, then {again}")
