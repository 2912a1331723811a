"""Cora: counts as they were printed once, and what the reader makes of an odd file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from study import tasks
from study.config.schema import TaskConfig
from study.core.errors import AssetError
from study.data import packages
from study.data.examples import Graph
from study.data.folds import make_folds, split_test
from study.tasks.nodes import CITES, CONTENT


@pytest.fixture(scope="module")
def graph() -> Graph:
    read = tasks.get("nodes").load(TaskConfig(name="nodes"), 0)
    assert isinstance(read, Graph)
    return read


def test_every_paper_is_a_labelled_node_with_its_words(graph: Graph) -> None:
    assert graph.features.shape == (2708, 1433)
    assert graph.features.dtype == np.uint8
    assert int(graph.features.sum()) == 49216
    assert graph.nodes.tolist() == list(range(2708))
    assert graph.classes[:2] == ("Case_Based", "Genetic_Algorithms")
    assert np.bincount(graph.labels).tolist() == [298, 418, 818, 426, 217, 180, 351]
    assert graph.metric == "accuracy"


def test_every_citation_is_one_edge_in_both_directions(graph: Graph) -> None:
    pairs = set(map(tuple, graph.edges.T.tolist()))
    assert graph.edges.shape == (2, 2 * 5278)
    assert len(pairs) == 2 * 5278
    assert all((b, a) in pairs and a != b for a, b in pairs)
    assert graph.edges.flags.c_contiguous
    counts = {key: graph.notes[key] for key in ("citations", "undirected edges", "citations that repeat an edge")}
    assert counts == {"citations": "5429", "undirected edges": "5278", "citations that repeat an edge": "151"}


def test_a_limit_leaves_the_graph_whole() -> None:
    few = tasks.get("nodes").load(TaskConfig(name="nodes", limit=140), 0)
    assert isinstance(few, Graph)
    assert len(few) == len(few.nodes) == 140
    assert few.edges.shape == (2, 2 * 5278)
    assert len(few.features) == 2708


def test_folds_share_the_labelled_nodes_out_and_the_test_is_in_none(graph: Graph) -> None:
    searched, test = split_test(graph, 0.2, 0)
    folds = make_folds(graph, 5, 0, searched).folds
    assert len(test) == 542
    for fold in folds:
        assert not set(fold.train) & set(fold.valid)
        assert not (set(fold.train) | set(fold.valid)) & set(test)
    assert sorted(np.concatenate([fold.valid for fold in folds])) == searched.tolist()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / CONTENT).write_text("31\t0\t1\t0\tTheory\n7\t1\t1\t0\tAgents\n12\t0\t0\t0\tTheory\n")
    (tmp_path / CITES).write_text("31\t7\n7\t31\n12\t12\n31\t999\n12 7\n")
    monkeypatch.setattr(packages, "fetch", lambda _: tmp_path)
    return tmp_path


def test_what_makes_no_edge_is_counted(folder: Path) -> None:
    read = tasks.get("nodes").read(TaskConfig(name="nodes"))
    assert isinstance(read, Graph)
    assert read.features.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert read.classes == ("Agents", "Theory")
    assert read.labels.tolist() == [1, 0, 1]
    assert sorted(map(tuple, read.edges.T.tolist())) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert read.notes == {
        "nodes": "3", "words": "3", "undirected edges": "2", "citations": "5",
        "citations of unknown papers dropped": "1", "citations of oneself dropped": "1",
        "citations that repeat an edge": "1",
    }  # fmt: skip


@pytest.mark.parametrize("line", ["5\t0\t1\tTheory\n", "5\t0\t1\t2\tTheory\n", "5\t0\t1\t10\tTheory\n"])
def test_a_damaged_table_is_one_line(folder: Path, line: str) -> None:
    (folder / CONTENT).write_text("31\t0\t1\t0\tTheory\n" + line)
    with pytest.raises(AssetError, match="is no table of words that are 0 or 1"):
        tasks.get("nodes").read(TaskConfig(name="nodes"))
