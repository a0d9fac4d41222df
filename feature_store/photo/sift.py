"""Which of the boxes that a network answers are products: the same at ingest and at a question."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from feature_store.photo.detect import Detection, Sieve
from feature_store.photo.letterbox import Placement, box_in_photo
from feature_store.schemas import Box

Floats = npt.NDArray[np.float32]

MOST_ROWS = 300
"""Rows of an end-to-end answer that are read, as many as such networks give."""


def sift(
    answer: Floats, placement: Placement, sieve: Sieve, labels: Mapping[int, str]
) -> list[Detection]:
    """Return the products among a detection network's answer about one photo, the best first.

    `answer` is float32 (4 + labels, boxes): x, y, width, height in pixels of the square, then a
    score for each label; or (boxes, 6) of a network that suppresses by itself: x0, y0, x1, y1,
    score, label.
    """
    if answer.shape[1] == 6:
        rows = answer[:MOST_ROWS]
    else:
        rows = _corner_rows(answer[:, np.isfinite(answer).all(axis=0)])
    least = min(sieve.confidence, sieve.best_confidence)
    rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 4] > least)]
    detections: dict[object, Detection] = {}
    for row in _suppress(rows, sieve.iou):
        box = box_in_photo(row[:4], placement)
        if box is None or _area(box) < sieve.min_product_share:
            continue
        confidence = min(1.0, float(row[4]))
        if confidence < sieve.confidence and detections:
            break
        label = labels.get(int(row[5]), str(int(row[5])))
        detections.setdefault(box, Detection(box, confidence, label))
    return list(detections.values())[: sieve.max_products]


def _corner_rows(answer: Floats) -> Floats:
    """Turn (4 + labels, boxes) into (boxes, 6) with each box's best label."""
    centre, half, scores = answer[:2], answer[2:4] / 2, answer[4:]
    label = scores.argmax(axis=0)
    score = np.take_along_axis(scores, label[None], axis=0)
    return np.concatenate([centre - half, centre + half, score, label[None]]).T.astype(np.float32)


def _suppress(rows: Floats, most_iou: float) -> list[Floats]:
    """Return the rows that no better one covers by more than `most_iou`, the best first."""
    left = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        sides = np.minimum(best[2:4], left[:, 2:4]) - np.maximum(best[:2], left[:, :2])
        common = sides.clip(min=0).prod(axis=1)
        together = _pixels(best[None]) + _pixels(left) - common
        with np.errstate(invalid="ignore", divide="ignore"):
            left = left[(common == 0) | (common / together <= most_iou)]
    return kept


def _pixels(rows: Floats) -> Floats:
    return np.asarray((rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]))


def _area(box: Box) -> float:
    return (box.x1 - box.x0) * (box.y1 - box.y0)
