"""What is kept on disk is whole or made again, bounded, and made once among processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from study.core.tensor_cache import VALUES, TensorCache

SHAPE = (32, 8)
BYTES = 4 * 32 * 8


def counting(log: list[int], value: float = 1.0) -> Callable[[torch.Tensor, int], None]:
    def fill(values: torch.Tensor, part: int) -> None:
        log.append(part)
        values[part::4] = value + part

    return fill


def expected(value: float = 1.0) -> torch.Tensor:
    return (value + torch.arange(32) % 4).view(-1, 1).expand(SHAPE)


def get(cache: TensorCache, key: str, log: list[int], value: float = 1.0) -> torch.Tensor:
    return cache.get((key,), SHAPE, torch.float32, counting(log, value), parts=4)


def entries(cache: TensorCache) -> list[Path]:
    return [e for e in cache.folder.iterdir() if e.is_dir()]


def test_a_tensor_is_filled_once_and_read_from_then_on(tmp_path: Path) -> None:
    log: list[int] = []
    for _ in range(3):
        assert torch.equal(get(TensorCache(10**6, tmp_path / "new"), "a", log), expected())
    assert log == [0, 1, 2, 3]


def test_what_a_reader_writes_stays_its_own(tmp_path: Path) -> None:
    cache = TensorCache(10**6, tmp_path)
    get(cache, "a", []).zero_()
    assert torch.equal(get(cache, "a", []), expected())


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "unstamped", "wrong stamp"])
def test_a_damaged_tensor_is_made_again(tmp_path: Path, damage: str) -> None:
    cache, log = TensorCache(10**6, tmp_path), []
    get(cache, "a", [])
    (entry,) = entries(cache)
    values = entry / VALUES
    if damage == "flipped":
        with values.open("rb+") as file:
            file.seek(100)
            file.write(b"\xff")
    elif damage == "cut":
        os.truncate(values, BYTES // 2)
    elif damage == "gone":
        values.unlink()
    else:
        (entry / "stamp.json").write_text("{" if damage == "unstamped" else '{"size": 1, "crc": 2}')
    assert torch.equal(get(cache, "a", log), expected())
    assert log == [0, 1, 2, 3]


def test_what_a_dead_process_left_half_made_is_finished(tmp_path: Path) -> None:
    cache, log = TensorCache(10**6, tmp_path), []

    def dies(values: torch.Tensor, part: int) -> None:
        if part == 2:
            raise KeyboardInterrupt
        counting(log)(values, part)

    with pytest.raises(KeyboardInterrupt):
        cache.get(("a",), SHAPE, torch.float32, dies, parts=4)
    assert torch.equal(get(cache, "a", log), expected())
    assert log == [0, 1, 2, 3]


def test_the_longest_unused_goes_first_and_its_holder_keeps_it(tmp_path: Path) -> None:
    cache, log = TensorCache(2 * BYTES, tmp_path), []
    held = get(cache, "a", [], 10.0)
    get(cache, "b", [])
    for age, entry in enumerate(sorted(entries(cache), key=lambda e: e.stat().st_mtime)):
        os.utime(entry, (1000 + age, 1000 + age))
    get(cache, "a", [], 10.0)  # used again: now b is the oldest
    get(cache, "c", [])
    assert len(entries(cache)) == 2
    get(cache, "a", log, 10.0)
    assert log == []
    get(cache, "b", log)
    assert log == [0, 1, 2, 3]
    assert torch.equal(held, expected(10.0))


def test_what_exceeds_the_bound_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cache = TensorCache(BYTES - 1, tmp_path / "none")
    with pytest.raises(OSError, match=r"engine\.cache_gb"):
        get(cache, "a", [])
    assert not cache.folder.exists()


SLOW = """
import sys, time
from pathlib import Path
import torch
from study.core.tensor_cache import TensorCache

def fill(values, part):
    time.sleep(0.1)
    values[part::4] = 1.0 + part
    with open(sys.argv[2], "a") as file:
        file.write(f"{part}\\n")

cache = TensorCache(10**6, Path(sys.argv[1]))
while not Path(sys.argv[3]).exists():  # all begin at once
    time.sleep(0.01)
print(cache.get(("a",), (32, 8), torch.float32, fill, parts=4).sum().item())
"""


def test_processes_that_want_the_same_share_its_parts(tmp_path: Path) -> None:
    log, begin = tmp_path / "log", tmp_path / "begin"
    command = [sys.executable, "-c", SLOW, str(tmp_path / "tensors"), str(log), str(begin)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    begin.touch()
    sums = [float(process.communicate(timeout=60)[0]) for process in processes]
    assert sums == [expected().sum().item()] * 3
    assert sorted(log.read_text(encoding="utf-8").split()) == ["0", "1", "2", "3"]
