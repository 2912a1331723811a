"""The kinds of examples at one place, for whoever makes or reads them; each is a file in study/data/kinds."""

from study.data.kinds.base import CLASSES, SUMMARIES, Classified, Examples, Summarized
from study.data.kinds.documents import Documents
from study.data.kinds.graph import Graph
from study.data.kinds.pairs import Pairs
from study.data.kinds.texts import Texts

__all__ = ["CLASSES", "SUMMARIES", "Classified", "Documents", "Examples", "Graph", "Pairs", "Summarized", "Texts"]
