"""A clock that jumps, and a laptop that sleeps, change no duration and cost no study its owner."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tiny import configuration, member_of, workbench

from study.config.schema import StorageConfig, StudyConfig, StudySettings
from study.engine import train
from study.search import lease
from study.search.lease import StudyTaken, hold, refuse_taken
from study.search.storage import storage

HOUR = 3600.0


class Jumping:
    """The module `time`, whose wall clock can be set."""

    def __init__(self) -> None:
        self.set_by = 0.0

    def time(self) -> float:
        return time.time() + self.set_by

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Jumping:
    made = Jumping()
    monkeypatch.setattr(lease, "time", made)
    monkeypatch.setattr(train, "time", made)
    return made


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyConfig:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(lease, "WATCHED", 1200)  # an owner that lives is seen to, however slow the machine is
    address = f"sqlite:///{tmp_path}/study.db"
    storage(address)
    return StudyConfig(StudySettings(name="mine"), storage=StorageConfig(url=address))


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_the_owner_keeps_its_study_through_a_jump_of_its_clock_and_whoever_asks_is_told(
    jump: float, config: StudyConfig, wall: Jumping
) -> None:
    with hold(config) as owned:
        for _ in range(3):
            wall.set_by += jump
            with pytest.raises(StudyTaken, match="is being run by process"), hold(config):
                pytest.fail("two drivers have one study")
            owned.check()
    with hold(config):  # it was released
        pass


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_whoever_comes_with_another_clock_takes_nothing(jump: float, config: StudyConfig, wall: Jumping) -> None:
    with hold(config) as owned:
        wall.set_by = jump
        owned._beat()
        wall.set_by = 0.0
        with pytest.raises(StudyTaken), hold(config):
            pytest.fail("two drivers have one study")
        owned.check()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_dead_owner_is_replaced_whatever_the_clock_says(jump: float, config: StudyConfig, wall: Jumping) -> None:
    with hold(config) as owned:
        owned.ended.set()
        with owned.engine.begin() as connection:
            connection.execute(owned.table.update().values(born="1"))  # another process has its number by now
        wall.set_by = jump
        refuse_taken(config)
        with hold(config) as successor:
            successor.check()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_fold_takes_as_long_as_it_takes(jump: float, wall: Jumping, monkeypatch: pytest.MonkeyPatch) -> None:
    real = train.Fit

    class Late(real):  # type: ignore[valid-type, misc]
        def run(self) -> Any:
            wall.set_by += jump
            return super().run()

    monkeypatch.setattr(train, "Fit", Late)
    before = time.monotonic()
    (result,) = train.train_pack([member_of(0, 0, configuration(), seed=0)], workbench())
    assert 0 < result.ended - result.started <= time.monotonic() - before
