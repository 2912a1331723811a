"""Folds: a partition, stratified, groups whole, a function of the seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.core.errors import ConfigError
from study.data.examples import Texts
from study.data.folds import make_folds, split_test

SEEDS = st.integers(0, 2**32 - 1)


def examples(labels, groups=None):
    labels = np.asarray(labels, dtype=np.int64)
    return Texts(tuple(map(str, range(len(labels)))), labels, ("negative", "positive"), groups=groups)


@st.composite
def labels_and_k(draw):
    """Labels sorted by class, as the sentiment file is, and a number of folds that they allow."""
    sizes = draw(st.lists(st.integers(4, 30), min_size=2, max_size=4))
    return np.repeat(np.arange(len(sizes)), sizes), draw(st.integers(2, 4))


@given(labels_and_k(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_folds_partition_the_search_positions(case, seed):
    labels, k = case
    positions = np.arange(len(labels))
    folds = make_folds(examples(labels), k, seed, positions).folds
    assert np.array_equal(np.sort(np.concatenate([f.valid for f in folds])), positions)
    for fold in folds:
        assert np.array_equal(np.sort(np.concatenate([fold.train, fold.valid])), positions)


@given(labels_and_k(), SEEDS)
@settings(max_examples=40, deadline=None)
def test_each_class_is_spread_evenly_even_when_the_input_is_sorted(case, seed):
    labels, k = case
    folds = make_folds(examples(labels), k, seed, np.arange(len(labels))).folds
    counts = np.array([np.bincount(labels[f.valid], minlength=labels.max() + 1) for f in folds])
    assert (counts.max(0) - counts.min(0)).max() <= 1


@given(st.integers(4, 12), st.integers(2, 4), SEEDS)
@settings(max_examples=40, deadline=None)
def test_no_fold_splits_a_group(groups_per_class, k, seed):
    groups = np.repeat(np.arange(2 * groups_per_class), 3)
    labels = (groups >= groups_per_class).astype(np.int64)
    folds = make_folds(examples(labels, groups), k, seed, np.arange(len(labels))).folds
    assert sum(len(f.valid) for f in folds) == len(labels)
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.valid])


def test_the_same_seed_gives_the_same_folds_and_another_seed_others():
    labels = np.repeat([0, 1], 20)
    prints = [make_folds(examples(labels), 4, seed, np.arange(40)).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_a_fingerprint_depends_on_the_labels():
    a, b = (make_folds(examples(labels), 2, 0, np.arange(4)) for labels in ([0, 0, 1, 1], [1, 1, 0, 0]))
    assert a.fingerprint != b.fingerprint


def test_positions_are_those_of_the_whole():
    searched = np.arange(40, 60)
    folds = make_folds(examples(np.tile([0, 1], 30)), 2, 0, searched).folds
    assert set(np.concatenate([f.valid for f in folds])) == set(searched)


def test_more_folds_than_the_smallest_class_is_refused():
    said = r"4 folds: exceed the smallest class positive, which has 3.*study\.folds=3 or fewer"
    with pytest.raises(ConfigError, match=said):
        make_folds(examples(np.array([0] * 9 + [1] * 3)), 4, 0, np.arange(12))


def test_more_folds_than_groups_is_refused():
    with pytest.raises(ConfigError, match="3 folds: exceed the 2 groups"):
        make_folds(examples(np.tile([0, 1], 6), np.repeat([0, 1], 6)), 3, 0, np.arange(12))


def test_one_group_is_refused_with_a_remedy_that_helps():
    with pytest.raises(ConfigError, match=r"3 folds: exceed the 1 group; take finer groups\."):
        make_folds(examples(np.tile([0, 1], 6), np.zeros(12, dtype=np.int64)), 3, 0, np.arange(12))


def test_a_class_of_one_example_is_said_to_have_one_example():
    with pytest.raises(ConfigError, match=r"which has 1 example; write task\.rare=drop"):
        make_folds(examples(np.array([0] * 9 + [1])), 3, 0, np.arange(10))


def test_a_single_class_is_refused():
    with pytest.raises(ConfigError, match="single class"):
        make_folds(examples(np.zeros(8, dtype=np.int64)), 2, 0, np.arange(8))


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.3, 0.5, 0.75])
def test_the_test_split_has_its_share_of_every_class(fraction):
    searched, test = split_test(examples(np.repeat([0, 1], [60, 140])), fraction, 0)
    assert np.array_equal(np.sort(np.concatenate([searched, test])), np.arange(200))
    assert (np.sum(test < 60), np.sum(test >= 60)) == (round(60 * fraction), round(140 * fraction))


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.75])
def test_the_test_split_keeps_groups_whole(fraction):
    groups = np.repeat(np.arange(60), 5)
    searched, test = split_test(examples((groups % 2).astype(np.int64), groups), fraction, 0)
    assert not set(groups[searched]) & set(groups[test])
    assert len(test) == pytest.approx(300 * fraction, abs=10)


def test_no_test_fraction_is_an_empty_test():
    searched, test = split_test(examples(np.tile([0, 1], 5)), 0, 0)
    assert (searched.tolist(), test.tolist()) == (list(range(10)), [])


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_fraction_that_leaves_a_side_empty_is_refused(fraction):
    with pytest.raises(ConfigError, match="leaves the test or the search none"):
        split_test(examples(np.tile([0, 1], 5)), fraction, 0)


def test_another_seed_tests_on_others():
    data = examples(np.tile([0, 1], 50))
    assert not np.array_equal(split_test(data, 0.2, 0)[1], split_test(data, 0.2, 1)[1])
