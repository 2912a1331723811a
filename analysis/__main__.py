"""The command `lora-report`: a Hydra application that writes one study's report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = "write lora-report study=NAME [out=reports] [tracking.uri=URI]"


def main() -> None:
    """Run the command; exit status 2 and one line where the user can mend it."""
    import hydra

    if not any(argument.startswith("-") for argument in sys.argv[1:]):
        _check(sys.argv[1:])
    hydra.main(version_base=None, config_path="pkg://analysis.conf", config_name="report")(_write)()


def _check(overrides: list[str]) -> None:
    """Compose once ahead of Hydra, whose own report of a mistake takes several lines and exits 1."""
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_module("analysis.conf", version_base=None):
            missing = OmegaConf.missing_keys(compose("report", overrides))
    except (HydraException, OmegaConfBaseException) as error:
        _stop(f"{' '.join(overrides)}: {_first_line(error)}; {USAGE}.")
    if missing:
        _stop(f"{', '.join(sorted(missing))}: must be given; {USAGE}.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _write(config: DictConfig) -> None:
    from analysis.errors import ReportError
    from analysis.report import write_report

    try:
        print(write_report(str(config.study), str(config.out), config.tracking.uri))
    except ReportError as error:
        _stop(str(error))


def _stop(line: str) -> None:
    print(f"lora-report: {line}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
