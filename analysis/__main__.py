"""The command `lora-report`: a Hydra application that writes one study's report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = "write lora-report study=NAME [out=reports] [tracking.uri=URI]"

TEXTS = ("study", "out", "tracking.uri")


def main() -> None:
    """Run the command; exit status 2 and one line where the user can mend it."""
    given = sys.argv[1:]
    if any(argument.startswith("-") for argument in given):
        import hydra

        hydra.main(version_base=None, config_path="pkg://analysis.conf", config_name="report")(lambda _: None)()
        return
    texts = _typed(given)
    config = _composed([argument for argument in given if _key(argument) not in TEXTS], texts)
    _write(str(texts["study"]), str(texts.get("out", config.out)), texts.get("tracking.uri", config.tracking.uri))


def _key(argument: str) -> str:
    return argument.partition("=")[0].lstrip("+") if "=" in argument else ""


def _typed(arguments: list[str]) -> dict[str, str | None]:
    """The values of the keys that hold text as they were typed, for which Hydra's grammar wants quotes of its own.

    A value in a pair of quotes is taken without them; tracking.uri=null is none.
    """
    texts: dict[str, str | None] = {}
    for key, value in [(_key(argument), argument.partition("=")[2]) for argument in arguments]:
        if key in TEXTS:
            bare = value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
            texts[key] = None if value == "null" and key == "tracking.uri" else bare
    return texts


def _composed(overrides: list[str], texts: dict[str, str | None]) -> DictConfig:
    """The other keys as Hydra composes them; exit status 2 where it cannot, or where no study is named."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_module("analysis.conf", version_base=None):
            config = compose("report", overrides)
    except (HydraException, OmegaConfBaseException) as error:
        _stop(f"{' '.join(overrides)}: {_first_line(error)}; {USAGE}.")
    if not texts.get("study"):
        _stop(f"study: must be given; {USAGE}.")
    return config


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _write(study: str, out: str, uri: str | None) -> None:
    from analysis.report import write_report
    from study.errors import StudyError

    try:
        print(write_report(study, out, uri))
    except StudyError as error:
        _stop(str(error))


def _stop(line: str) -> NoReturn:
    print(f"lora-report: {line}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
