"""How two engines are held against each other, and what none of them can be asked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from feature_store.engines.neighbours import NEIGHBOURS, answers, check_question, recall


def table(*rows: tuple[int, str, float]) -> pa.Table:
    query, items, cosines = zip(*rows, strict=True)
    regions = pa.array(["r"] * len(rows))
    return answers(np.array(query), pa.array(items), regions, np.array(cosines, np.float32))


def test_answers_are_sorted_by_query_then_the_best_first_then_by_name() -> None:
    found = table((1, "a", 0.5), (0, "c", 0.1), (0, "b", 0.9), (0, "a", 0.1))
    assert found.schema == NEIGHBOURS
    assert found["item_id"].to_pylist() == ["b", "a", "c", "a"]


def test_recall_is_the_share_of_the_truth_that_was_found() -> None:
    truth = table((0, "a", 0.9), (0, "b", 0.8), (1, "c", 0.7), (1, "d", 0.6))
    found = table((0, "a", 0.9), (0, "x", 0.8), (1, "d", 0.6), (1, "c", 0.7))
    assert recall(truth, found, 2, at=2).tolist() == [0.5, 1.0]


def test_a_tie_with_the_last_of_the_truth_is_right_but_a_claimed_cosine_is_not() -> None:
    truth = table((0, "a", 0.9), (0, "b", 0.8), (0, "c", 0.8), (0, "d", 0.1))
    assert recall(truth, table((0, "a", 0.9), (0, "c", 0.8)), 1, at=2).tolist() == [1.0]
    assert recall(truth, table((0, "a", 0.9), (0, "d", 0.99)), 1, at=2).tolist() == [0.5]


def test_only_the_first_answers_count_and_none_twice() -> None:
    truth = table((0, "a", 0.9), (0, "b", 0.8))
    assert recall(truth, table((0, "x", 0.9), (0, "y", 0.9), (0, "a", 0.1)), 1, 2).tolist() == [0.0]
    assert recall(truth, table((0, "a", 0.9), (0, "a", 0.9)), 1, 2).tolist() == [0.5]


def test_fewer_regions_than_asked_for_are_no_fault() -> None:
    truth = table((0, "a", 0.9))
    assert recall(truth, truth, 2, at=10).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("vectors", "k", "complaint"),
    [
        (np.zeros((1, 4)), 1, "unit vectors"),
        (np.full((1, 4), np.nan), 1, "unit vectors"),
        (np.ones((1, 4)), 1, "unit vectors"),
        (np.ones((1, 3)), 1, "4 numbers"),
        (np.full((1, 4), 0.5), 0, "0 neighbours"),
        (np.full((1, 4), 0.5), 10_001, "10001 neighbours"),
    ],
)
def test_what_no_engine_can_be_asked(vectors: np.ndarray, k: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_question(vectors, k, 4)
