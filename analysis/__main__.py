"""The command `lora-report`: a Hydra application that writes one study's report."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from study.errors import ConfigError, status_of
from study.quoting import as_text

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = "write lora-report study=NAME [out=reports] [tracking.uri=URI]"
TEXTS, OPTIONAL = ("study", "out", "tracking.uri"), ("tracking.uri",)


def main() -> NoReturn:
    """Run the command and exit; status 2 and one line where the user can mend it."""
    sys.exit(status_of("lora-report", lambda: _run(sys.argv[1:])))


def _run(arguments: list[str]) -> int:
    given = [as_text(argument, TEXTS, OPTIONAL) for argument in arguments]
    if any(argument.startswith("-") for argument in given):
        return _hydra(given)
    config = _composed(given)
    from analysis.report import write_report

    print(write_report(config.study, config.out, config.tracking.uri))
    return 0


def _hydra(arguments: list[str]) -> int:
    """Hydra's own application, for everything that only shows: --help, --cfg, --info."""
    import hydra

    sys.argv = ["lora-report", *arguments]
    hydra.main(version_base=None, config_path="pkg://analysis.conf", config_name="report")(lambda _: None)()
    return 0


def _composed(overrides: list[str]) -> DictConfig:
    from hydra import compose, initialize_config_module
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_module("analysis.conf", version_base=None):
            config = compose("report", overrides)
            missing = sorted(OmegaConf.missing_keys(config))
    except (HydraException, OmegaConfBaseException) as error:
        first = str(error).strip().splitlines()[0].rstrip(".")
        raise ConfigError(" ".join(overrides), first, USAGE) from error
    if missing:
        raise ConfigError(", ".join(missing), "must be given", USAGE)
    return config


if __name__ == "__main__":
    main()
