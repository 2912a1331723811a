"""How sure a study may be: two sources of error, what differs, what to choose, and how flattered the best is."""

from study.core.evidence.paired import COMPARISON, PairedDifference, compare_to_best, mean_and_se, paired_difference

__all__ = ["COMPARISON", "PairedDifference", "compare_to_best", "mean_and_se", "paired_difference"]
