"""Draws of normal errors that are correlated."""

from __future__ import annotations

import numpy as np


def normal_errors(covariance: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draws [count, C] of errors around 0 with that covariance [C, C], of which negative eigenvalues are rounding."""
    values, axes = np.linalg.eigh(covariance)
    drawn: np.ndarray = generator.standard_normal((count, len(values))) * np.sqrt(np.maximum(values, 0)) @ axes.T
    return drawn
