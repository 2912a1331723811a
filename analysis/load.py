"""What a reader should know of costs that the search decided by and that were measured beside other trainings."""

from __future__ import annotations

from analysis.runs import StudyRuns
from study.core.alone import is_loaded
from study.core.figures import ALONE


def loaded_objectives(runs: StudyRuns) -> tuple[str, ...]:
    """A sentence on the objectives that were measured under load, if there are any."""
    trials = runs.compared.to_dict("records")
    names = [name for name in runs.info.objectives if name in ALONE and any(is_loaded(name, row) for row in trials)]
    if not names:
        return ()
    said = " and ".join(names)
    return (
        f"The search traded by {said} as measured beside other trainings; which trials are on the front rests on that. "
        "Recommended is what is cheap as measured alone, where that is known.",
    )
