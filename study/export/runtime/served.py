"""What MLflow loads of an export that was registered: texts in, a label and its probability out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from study.export.runtime.models import Classifier, Writer


class Served:
    """MLflow's pyfunc around a loaded export."""

    def __init__(self, model: Classifier | Writer) -> None:
        self.model = model

    def predict(self, texts: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row a text: its `label` with that label's `probability`, or what is `written` for it.

        Texts are a frame's first column, or a list.
        """
        import numpy as np
        import pandas as pd

        from study.export.runtime.models import Writer

        rows = texts.iloc[:, 0].tolist() if isinstance(texts, pd.DataFrame) else list(np.ravel(texts))
        if isinstance(self.model, Writer):
            return pd.DataFrame({"written": self.model(rows)})
        probabilities = self.model.probabilities(rows)
        labels = [self.model.classes[i] for i in probabilities.argmax(1)]
        return pd.DataFrame({"label": labels, "probability": probabilities.max(1)})


def _load_pyfunc(path: str) -> Served:
    """The model in the folder in which MLflow has kept an export; MLflow calls this function by its name."""
    from study.export import load

    return Served(load(path))
