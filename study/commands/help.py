"""What `lora-study --help` prints, without composing a configuration, which takes Hydra most of a second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from string import Template

from study.config.compose import CONFIG_MODULE, CONFIG_NAME, resolve_folder


def help_text(config_dir: str | None) -> str:
    """`hydra.help.template` of conf/study.yaml, with the groups of conf/ and of the folder `config_dir` filled in.

    Raises ConfigError where there is no such folder.
    """
    from omegaconf import OmegaConf

    with as_file(files(CONFIG_MODULE)) as conf:
        template = OmegaConf.load(conf / f"{CONFIG_NAME}.yaml").hydra.help.template
        known = groups(conf, *([resolve_folder(config_dir)] if config_dir else []))
    lines = [f"{group}: {', '.join(sorted(options))}\n" for group, options in sorted(known.items())]
    return Template(template).substitute(APP_CONFIG_GROUPS="".join(lines))


def groups(*folders: Path) -> dict[str, set[str]]:
    """The options of each group that the folders hold; Hydra's own groups are left out."""
    known: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        for group, option in _options(folder):
            known[group].add(option)
    return known


def _options(folder: Path) -> Iterator[tuple[str, str]]:
    for file in folder.rglob("*.yaml"):
        group = file.parent.relative_to(folder).as_posix()
        if group != "." and group.partition("/")[0] != "hydra":
            yield group, file.stem
