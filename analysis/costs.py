"""The costs that a study trades by, each as the verdict counts it: as measured alone, where it was."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.runs import StudyRuns
from study.core.alone import is_loaded
from study.core.figures import ALONE, FIGURES, MINIMIZE, costs_of


def with_costs_alone(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials with each measured cost as it was measured alone, where it was."""
    both = {name: other for name, other in ALONE.items() if other in trials}
    return trials.assign(**{
        name: trials[other].fillna(trials[name]) if name in trials else trials[other] for name, other in both.items()
    })  # fmt: skip


def cheapest_first(trials: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    """The trials by the study's own costs, those without one last; equal ones by their numbers."""
    names = [*costs_of(objectives), "number"]
    columns = with_costs_alone(trials).reindex(columns=names)
    ascending = [name == "number" or FIGURES[name].direction == MINIMIZE for name in names]
    return trials.loc[columns.sort_values(names, ascending=ascending, na_position="last").index]


def loaded_objectives(runs: StudyRuns) -> tuple[str, ...]:
    """A sentence on the objectives that the search saw under load, if there are any."""
    trials = runs.compared.to_dict("records")
    names = [name for name in runs.info.objectives if name in ALONE and any(is_loaded(name, row) for row in trials)]
    if not names:
        return ()
    return (
        f"The search traded by {' and '.join(names)} as measured beside other trainings. The front and the "
        "recommendation go by what was measured alone, where that is known.",
    )
