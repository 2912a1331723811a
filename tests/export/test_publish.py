"""An export's folder is there whole or not at all, and nothing beside it stays, however the process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from study.core.errors import ConfigError
from study.export.job.publish import publish

WRITES = """
import sys, time
from pathlib import Path
from study.export.job.publish import publish
with publish(Path(sys.argv[1])) as folder:
    (folder / "half").touch()
    print("begun", flush=True)
    time.sleep(3600)
"""


def begin(folder: Path) -> subprocess.Popen[str]:
    """Another process that has begun to write the folder, and never ends."""
    process = subprocess.Popen([sys.executable, "-c", WRITES, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def write(folder: Path, text: str = "whole") -> None:
    with publish(folder) as scratch:
        (scratch / "model").write_text(text)


def test_what_a_killed_process_left_goes_with_the_next_export_of_the_same_name(tmp_path: Path) -> None:
    folder, others = tmp_path / "a*[1]", [tmp_path / name for name in (".a*[1]-", ".a*[1]-x", ".a1-1", ".a-99999999")]
    with begin(folder) as process:
        process.kill()
    for other in others:
        other.mkdir()
    assert (tmp_path / f".{folder.name}-{process.pid}" / "half").exists()
    write(folder)
    assert sorted(tmp_path.iterdir()) == sorted([folder, *others])
    assert [path.name for path in folder.iterdir()] == ["model"]


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with begin(tmp_path / "a") as process:
        write(tmp_path / "a")
        assert (tmp_path / f".a-{process.pid}" / "half").exists()
        process.kill()


def test_a_folder_that_another_machine_has_locked_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it has another process of that number, or none, here."""
    monkeypatch.setattr("study.export.job.publish.is_alive", lambda process: False)
    with begin(tmp_path / "a") as process:
        write(tmp_path / "a")
        assert (tmp_path / f".a-{process.pid}" / "half").exists()
        process.kill()
    write(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_goes_wrong_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "new" / "a", "before")
    for folder in (tmp_path / "new" / "a", tmp_path / "other" / "b"):
        with pytest.raises(TypeError):
            write(folder, 0)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert (tmp_path / "new" / "a" / "model").read_text() == "before"
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"), publish(tmp_path / "file" / "a"):
        pytest.fail("a file is no folder")
