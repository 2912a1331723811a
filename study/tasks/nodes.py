"""Cora: papers that cite each other, each of one of seven subjects (Sen et al. 2008); the graph is seen whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from study.config.schema import TaskConfig
from study.core.errors import AssetError
from study.data import packages
from study.data.examples import Graph
from study.tasks.base import Task

CONTENT, CITES = "cora.content", "cora.cites"


class Nodes(Task):
    """Lines of `cora.content` are `paper <tab> 0 or 1 for each word <tab> subject`, of `cora.cites` `cited citing`.

    Which way a citation goes is not used: every edge is there in both directions, once.
    """

    name = "nodes"

    def read(self, config: TaskConfig) -> Graph:
        folder = packages.fetch("cora")
        papers, features, subjects = _papers(folder / CONTENT)
        edges, notes = _edges(folder / CITES, papers)
        classes, labels = np.unique(np.array(subjects), return_inverse=True)
        graph = Graph(
            features=features,
            edges=edges,
            nodes=np.arange(len(papers)),
            labels=labels.astype(np.int64),
            classes=tuple(map(str, classes)),
        )
        return graph.with_notes(
            nodes=len(papers), words=features.shape[1], undirected_edges=edges.shape[1] // 2, **notes
        )


def _papers(path: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """Every paper's number, its words [N, F] as 0 and 1, and its subject, in the order of the file."""
    papers, tails = zip(*(line.split(b"\t", 1) for line in path.read_bytes().splitlines() if line.strip()), strict=True)
    words, subjects = zip(*(tail.rsplit(b"\t", 1) for tail in tails), strict=True)
    # Between two words is a tab, so every second byte is a word's 0 or 1.
    table = np.frombuffer(b"\t".join([*words, b""]), dtype=np.uint8)
    features = table[::2] - ord("0")
    if len(set(map(len, words))) != 1 or (table[1::2] != ord("\t")).any() or features.max() > 1:
        raise AssetError(str(path), "is no table of words that are 0 or 1", "delete its folder to fetch it again")
    return [p.decode() for p in papers], features.reshape(len(papers), -1), [s.decode() for s in subjects]


def _edges(path: Path, papers: list[str]) -> tuple[np.ndarray, dict[str, int]]:
    """Edges [2, E], both directions of each, and what of the citations made none."""
    place = {paper: i for i, paper in enumerate(papers)}
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    pairs = [(place[a], place[b]) for a, b in lines if a in place and b in place]
    known = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    others = known[known[:, 0] != known[:, 1]]
    once = np.unique(np.sort(others, axis=1), axis=0)
    notes = {
        "citations": len(lines),
        "citations_of_unknown_papers_dropped": len(lines) - len(known),
        "citations_of_oneself_dropped": len(known) - len(others),
        "citations_that_repeat_an_edge": len(others) - len(once),
    }
    return np.ascontiguousarray(np.concatenate([once, once[:, ::-1]]).T), notes


TASK = Nodes()
