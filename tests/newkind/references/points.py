"""Of points: the most frequent class."""

from study.scoring.references.base import majority

SCORES = majority
