"""The command line: Hydra composes, sweeps join the space, errors are one line with exit status 2."""

from __future__ import annotations

import gc
import shlex
import signal
import sys
from pathlib import Path
from typing import NoReturn

from study.commands.help import help_text
from study.config.compose import CONFIG_MODULE, CONFIG_NAME, compose, register_schema
from study.config.overrides import rewrite
from study.config.schema import StudyConfig
from study.core.errors import ConfigError, StudyError, status_of
from study.core.formatting import plural

GARBAGE = 50_000  # new objects until they are searched for cycles: while libraries come in, by the million, all stay
TARGETS = "--targets"  # shows what each group of targets matches in the model


def main(argv: list[str] | None = None) -> NoReturn:
    """Run `lora-study` with these arguments and exit."""
    given = sys.argv[1:] if argv is None else argv
    signal.signal(signal.SIGTERM, _raise_interrupt)
    gc.set_threshold(GARBAGE)
    status = status_of("lora-study", lambda: _run(given))
    gc.freeze()  # else the interpreter searches a heap full of libraries for cycles, for two seconds, to say goodbye
    sys.exit(status)


def _raise_interrupt(*_: object) -> NoReturn:
    """A polite end from outside, as a cluster's scheduler sends it, stops a sweep as Ctrl-C does."""
    raise KeyboardInterrupt


def _run(given: list[str]) -> int:
    from hydra._internal.utils import get_args_parser

    anatomy, given = TARGETS in given, [a for a in given if a != TARGETS]
    arguments, unknown = get_args_parser().parse_known_args(given)
    if unknown:
        raise ConfigError(" ".join(unknown), "is no flag", "lora-study --hydra-help shows those that there are")
    flags = [a for a in given if a not in arguments.overrides and a not in ("-m", "--multirun")]
    if arguments.hydra_help or arguments.shell_completion:
        return _hydra(given)
    if arguments.help:
        print(help_text(arguments.config_dir))
        return 0
    overrides = rewrite(arguments.overrides, arguments.config_dir)
    if arguments.cfg or arguments.info:
        return _hydra([*flags, *overrides])
    config = compose(overrides, arguments.config_dir)
    if anatomy:
        from study.commands.targets import show

        show(config)
        return 0
    _announce(config)
    from study.search import start

    start.begin(config)  # before the driver, whose libraries take seconds too
    from study.search.driver import run_study

    return run_study(config, given, _report)


def _announce(config: StudyConfig) -> None:
    """Tell a person at a terminal what begins, before the libraries are imported, which takes seconds."""
    if sys.stderr.isatty():
        size = f"{plural(config.study.trials, 'trial')} of {config.study.folds} folds"
        what = f"{config.study.name}: {size}, task {config.task.name}, model {config.model.name}"
        print(f"{what}. Reading the data ...", file=sys.stderr, flush=True)


def _hydra(argv: list[str]) -> int:
    """Hydra's own application, for everything else that only shows: --cfg, --info, --hydra-help, completion."""
    import hydra

    register_schema()
    sys.argv = ["lora-study", *argv]
    hydra.main(version_base=None, config_path=f"pkg://{CONFIG_MODULE}", config_name=CONFIG_NAME)(lambda _: None)()
    return 0


def _report(config: StudyConfig) -> Path:
    """Write the report, and print its answer as wide as the terminal is."""
    from rich.console import Console

    from analysis.findings import headline
    from analysis.options import Options
    from analysis.report import read_findings, write_findings
    from analysis.runs import load_study

    uri, options = config.tracking.get("uri"), Options()
    try:
        findings = read_findings(load_study(config.study.name, uri), uri, options)
        index = write_findings(findings, config.report.dir, options)
    except StudyError as error:
        command = shlex.join(["lora-report", f"study={config.study.name}"])
        remedy = f"the runs are kept: mend it and write {command}"
        raise StudyError("the report", f"could not be written ({str(error).rstrip('.')})", remedy) from error
    Console().print(headline(findings), markup=False, highlight=False)
    return index
