"""Labels to classes: the order is a function of the labels; whatever is no class is refused with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.core.errors import DataError
from study.data.tabular.labels import encode
from study.data.tabular.table import Table

label = st.one_of(st.integers(-5, 5), st.booleans(), st.sampled_from(["no", "yes", "Maybe"]))


def of(cells: list[Any], source: str = "task.path=t.csv") -> Table:
    return Table(source, {"y": cells}, range(2, len(cells) + 2))


@given(st.lists(label, min_size=1, max_size=12), st.randoms())
def test_classes_do_not_depend_on_the_order_of_rows_and_read_as_they_stand(cells: list[Any], random: Any) -> None:
    labels, classes, _ = encode([of(cells)], "y")
    assert encode([of(random.sample(cells, len(cells)))], "y")[1] == classes
    assert [classes[i] for i in labels] == [str(c).lower() if isinstance(c, bool) else str(c) for c in cells]


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([3.0, 1.0], ("1", "3")),
        (["2.0", "1"], ("1", "2")),
        (["true", "False"], ("false", "true")),
        ([True, False], ("false", "true")),
        (["b", "B", "a"], ("B", "a", "b")),
        ([" yes", "no "], ("no", "yes")),
        (["1_0", "x"], ("1_0", "x")),
        (["007", "7", "12"], ("007", "12", "7")),
        (["true", "false", "half-true"], ("false", "half-true", "true")),
        (["0", "1", "2", "3+"], ("0", "1", "2", "3+")),
        (["1.1", "1.2", "2.10"], ("1.1", "1.2", "2.10")),
        (["eng", "nan", "NA"], ("NA", "eng", "nan")),
        (["cafe\u0301", "café", "caf\u00e9 "], ("café",)),
    ],
)
def test_types_are_told_and_ordered_each_in_its_own_way(cells: list[Any], classes: tuple[str, ...]) -> None:
    assert encode([of(cells)], "y")[1] == classes


@pytest.mark.parametrize("absent", [None, "", "  ", float("nan"), "\u00a0"])
def test_a_missing_label_is_refused_with_its_line(absent: Any) -> None:
    with pytest.raises(DataError, match=r"lines 3, 5: has no label \(task.label=y\)"):
        encode([of(["a", absent, "b", absent])], "y")


@pytest.mark.parametrize("odd", [b"1", [1], {"a": 1}, float("inf")])
def test_what_is_no_class_is_refused_with_its_line(odd: Any) -> None:
    with pytest.raises(DataError, match=r"line 3: has the label .*, which is no class"):
        encode([of([1, odd])], "y")


def test_a_test_set_has_the_classes_of_the_rows_that_are_learned() -> None:
    labels, classes, _ = encode([of(["b", "a"]), of(["a"], "task.test_path=u.csv")], "y")
    assert labels.tolist() == [1, 0, 0]
    assert classes == ("a", "b")
    with pytest.raises(DataError, match=r"task.test_path=u.csv, line 2: has the label c, which no row of task.path"):
        encode([of(["b", "a"]), of(["c"], "task.test_path=u.csv")], "y")


def test_classes_that_are_numbered_already_keep_their_numbers() -> None:
    labels, classes, _ = encode([of([2, 0])], "y", ("no", "perhaps", "yes"))
    assert labels.tolist() == [2, 0]
    assert labels.dtype == np.int64
    assert classes == ("no", "perhaps", "yes")


def test_the_type_is_said_once_and_may_be_asked_for() -> None:
    said = encode([of(["1", "2", "nan"])], "y")[2]
    assert said == "words, 3 classes, since line 4 of task.path=t.csv has nan, which is no plain whole number"
    assert encode([of(["10", "9"])], "y", label_type="text")[1:] == (("10", "9"), "words, 2 classes")
    with pytest.raises(DataError, match=r"line 3: has the label 3[+], which is no plain whole number"):
        encode([of(["1", "3+"])], "y", label_type="number")
