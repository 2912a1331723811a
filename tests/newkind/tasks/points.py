"""Points whose class is on which side of a plane they lie."""

from __future__ import annotations

import numpy as np
from study.data.kinds.points import Points

from study.config.schema import TaskConfig
from study.tasks.base import Task


class Sides(Task):
    name = "points"

    def read(self, config: TaskConfig) -> Points:
        places = np.random.default_rng(0).standard_normal((120, 3))
        return Points(places, (places @ [1.0, -2.0, 0.5] > 0).astype(np.int64), ("below", "above"))


TASK = Sides()
