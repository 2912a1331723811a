"""What `lora-study --help` prints, without composing a configuration, which takes Hydra most of a second."""

from __future__ import annotations

from importlib.resources import as_file, files
from string import Template

from study.config.compose import CONFIG_MODULE, CONFIG_NAME, options_by_group, resolve_folder


def help_text(config_dir: str | None) -> str:
    """`hydra.help.template` of conf/study.yaml, with the groups of conf/ and of the folder `config_dir` filled in.

    Raises ConfigError where there is no such folder.
    """
    from omegaconf import OmegaConf

    with as_file(files(CONFIG_MODULE)) as conf:
        template = OmegaConf.load(conf / f"{CONFIG_NAME}.yaml").hydra.help.template
        known = options_by_group(conf, *([resolve_folder(config_dir)] if config_dir else []))
    lines = [f"{group}: {', '.join(sorted(options))}\n" for group, options in sorted(known.items())]
    return Template(template).substitute(APP_CONFIG_GROUPS="".join(lines))
