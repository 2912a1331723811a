"""Temporary files lie in this process's private folder, which comes back where something has removed it."""

from __future__ import annotations

import shutil
from multiprocessing import process
from pathlib import Path

import pytest

from study.core.scratch import scratch_folder


def test_a_folder_is_there_as_long_as_it_is_open_even_where_old_files_have_been_cleaned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = tmp_path / "private"  # not the one that the fork server's socket lies in
    monkeypatch.setitem(process.current_process()._config, "tempdir", str(private))  # type: ignore[attr-defined]
    for _ in range(2):
        with scratch_folder() as folder:
            (folder / "part").write_text("half")
            assert folder.parent == private
        assert not folder.exists()
        assert oct(private.stat().st_mode & 0o777) == "0o700"
        shutil.rmtree(private)
