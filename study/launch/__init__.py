"""Launchers: where members train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.launch.base import Call, Launcher, here

if TYPE_CHECKING:
    from study.config.schema import StudyConfig
    from study.engine.workbench import StudyData

__all__ = ["Call", "Launcher", "apart", "here", "make", "prepare"]


def prepare(config: StudyConfig) -> None:
    """Begin with what a launcher needs before there is a plan; returns at once."""
    if config.launcher.name == "local":
        from study.launch import local

        local.prepare()


def apart(config: StudyConfig) -> Call:
    """Where this process has a function done that needs the libraries of a worker, to be spared their import."""
    if config.launcher.name != "local":
        return here
    from study.launch import local

    return local.apart


def make(config: StudyConfig, data: StudyData) -> Launcher:
    """The launcher that `launcher.name` asks for."""
    from study.launch.local import LocalLauncher

    return {"local": LocalLauncher}[config.launcher.name](data, config.engine, config.launcher.workers, config.model)
