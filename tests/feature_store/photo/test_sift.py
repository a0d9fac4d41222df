"""Of the boxes that a network answers, the products are kept, each once, the best first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.photo.detect import Sieve
from feature_store.photo.letterbox import Placement
from feature_store.photo.sift import sift

SQUARE = Placement(0, 0, 100, 100)
SIEVE = Sieve(confidence=0.25, best_confidence=0.05, iou=0.6, max_products=8, min_product_share=0.0)
LABELS = {0: "shoe", 1: "bag"}


def rows(*listed: list[float]) -> npt.NDArray[np.float32]:
    return np.array(listed, np.float32).reshape(-1, 6)


def test_both_kinds_of_answer_say_the_same() -> None:
    corners = rows([10, 20, 50, 60, 0.9, 1], [40, 40, 100, 100, 0.5, 0])
    centres = np.array([[30, 70], [40, 70], [40, 60], [40, 60], [0.1, 0.5], [0.9, 0.2]], np.float32)
    expected = [((0.1, 0.2, 0.5, 0.6), "bag"), ((0.4, 0.4, 1.0, 1.0), "shoe")]
    for answer in (corners, centres):
        found = sift(answer, SQUARE, SIEVE, LABELS)
        assert [(tuple(one.box), one.label) for one in found] == expected
        assert [one.confidence for one in found] == pytest.approx([0.9, 0.5])


def test_what_a_better_box_covers_is_dropped_whatever_its_label() -> None:
    answer = rows([0, 0, 50, 50, 0.6, 0], [0, 0, 50, 48, 0.7, 1], [50, 50, 90, 90, 0.3, 1])
    found = sift(answer, SQUARE, SIEVE, LABELS)
    assert [one.confidence for one in found] == pytest.approx([0.7, 0.3])
    generous = sift(answer, SQUARE, replace(SIEVE, iou=0.97), LABELS)
    assert [one.confidence for one in generous] == pytest.approx([0.7, 0.6, 0.3])


def test_only_the_best_may_be_doubtful() -> None:
    doubtful = rows([0, 0, 50, 50, 0.2, 0], [50, 50, 90, 90, 0.1, 0])
    assert len(sift(doubtful, SQUARE, SIEVE, LABELS)) == 1
    assert sift(rows([0, 0, 50, 50, 0.04, 0]), SQUARE, SIEVE, LABELS) == []
    assert sift(np.empty((0, 6), np.float32), SQUARE, SIEVE, LABELS) == []


def test_specks_and_a_crowd_are_dropped() -> None:
    crowd = rows(*([10 * i, 0, 10 * i + 9, 9, 0.9 - 0.05 * i, 0] for i in range(9)))
    assert len(sift(crowd, SQUARE, SIEVE, LABELS)) == 8
    assert sift(crowd, SQUARE, replace(SIEVE, min_product_share=0.01), LABELS) == []


NUMBERS = st.floats(-1e3, 1e3, width=32) | st.sampled_from([float("nan"), float("inf")])


@given(st.lists(st.tuples(*[NUMBERS] * 6), max_size=12), st.booleans())
def test_whatever_a_network_answers_the_boxes_are_boxes(
    listed: list[tuple[float, ...]], turned: bool
) -> None:
    answer = np.array(listed, np.float32).reshape(-1, 6)
    if turned:
        answer = np.ascontiguousarray(answer.T)
    found = sift(answer, Placement(10, 0, 80, 100), SIEVE, LABELS)
    for one in found:
        assert 0 <= one.box.x0 < one.box.x1 <= 1
        assert 0 <= one.box.y0 < one.box.y1 <= 1
        assert 0.05 < one.confidence <= 1
    assert [one.confidence for one in found] == sorted((f.confidence for f in found), reverse=True)
    assert len({one.box for one in found}) == len(found)
