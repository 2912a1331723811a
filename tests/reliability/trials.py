"""What a study's store holds, looked at from outside of the command that writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def trials_in(folder: Path, name: str) -> list[Any]:
    """The trials of the study of that name, none where it is yet to be made."""
    from study.core.errors import StudyError
    from study.search.storage import existing, study_in

    try:
        kept = existing(f"sqlite:///{folder}/lora-study.db")
    except StudyError:
        return []
    study = study_in(kept, name)
    return [] if study is None else kept.get_all_trials(study._study_id)
