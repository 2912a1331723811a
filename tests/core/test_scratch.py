"""Temporary files lie in this process's private folder, which comes back where something has removed it."""

from __future__ import annotations

import shutil
from multiprocessing import util
from pathlib import Path

from study.core.scratch import scratch_folder


def test_a_folder_is_there_as_long_as_it_is_open_even_where_old_files_have_been_cleaned_away() -> None:
    for _ in range(2):
        with scratch_folder() as folder:
            (folder / "part").write_text("half")
            assert folder.parent == Path(util.get_temp_dir())
        assert not folder.exists()
        shutil.rmtree(util.get_temp_dir())
    with scratch_folder() as folder:
        assert oct(folder.parent.stat().st_mode & 0o777) == "0o700"
