"""The report's sections in their order: each is the template of its name in templates/sections/.

A template is given `report`, an analysis.view.View, and `findings`, for what the view does not show yet.
"""

PAGE = (
    "answer", "recipe", "left_out", "front_plot", "front", "baselines", "references", "sure", "effects",
    "setting_plots", "learning", "progress", "costs", "adapted", "exported", "folds", "trials", "provenance",
)  # fmt: skip
MARKDOWN = (
    "answer", "recipe", "left_out", "front", "references", "sure", "effects", "adapted", "exported", "provenance",
)  # fmt: skip
