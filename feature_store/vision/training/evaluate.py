"""Measures a detector with ultralytics' own metrics: mAP, and how often its best box is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.utils.metrics import ap_per_class, box_iou
from ultralytics.utils.nms import non_max_suppression

from feature_store.vision.product_detector import ProductDetector
from feature_store.vision.training.maps import Chunk

_IOUS = torch.linspace(0.5, 0.95, 10)


@dataclass(frozen=True)
class Measurement:
    """What a detector achieves on scenes it was not trained on."""

    scenes: int
    """Scenes measured."""
    map50: float
    """Mean average precision at IoU 0.5."""
    map50_95: float
    """The same averaged over IoU 0.5, 0.55, …, 0.95."""
    best_box_rate: float
    """Share of scenes with a product whose most confident box has IoU ≥ 0.5 with one."""
    recall_at_25: float
    """Share of products found, IoU ≥ 0.5, among boxes with a score of at least 0.25."""

    def as_dict(self) -> dict[str, float]:
        """The measurement as JSON-ready numbers."""
        return asdict(self)


def predict(
    model: ProductDetector, maps: Iterable[torch.Tensor], threshold: float = 0.01
) -> list[torch.Tensor]:
    """Boxes of a batch of trunk maps after NMS: (n, 6) xyxy in pixels, score, class."""
    with torch.inference_mode():
        raw = model.head(model.neck([level.float() for level in maps]))[0]
    boxes: list[torch.Tensor] = non_max_suppression(raw, threshold, 0.6, max_det=50)
    return boxes


def measure(model: ProductDetector, chunks: Iterable[Chunk], batch: int = 32) -> Measurement:
    """Run the detector over chunks of held-out scenes."""
    right: list[NDArray[np.bool_]] = []
    scores: list[NDArray[np.float32]] = []
    products = scenes = with_product = best = found = 0
    for chunk in chunks:
        for start in range(0, len(chunk), batch):
            maps = [level[start : start + batch] for level in chunk.maps]
            truths = chunk.boxes[start : start + batch] * model.image_size
            for answer, slots in zip(predict(model, maps), truths, strict=True):
                truth = slots[~slots[:, 0].isnan()]
                overlap = box_iou(truth, answer[:, :4])
                right.append(_match(overlap))
                scores.append(answer[:, 4].numpy())
                scenes += 1
                products += len(truth)
                if len(truth):
                    with_product += 1
                    best += int(len(answer) > 0 and float(overlap[:, 0].max()) >= 0.5)
                    sure = overlap[:, answer[:, 4] >= 0.25]
                    found += int((sure >= 0.5).any(1).sum()) if sure.numel() else 0
    precision = _average_precision(right, scores, products)
    return Measurement(
        scenes,
        float(precision[0]),
        float(precision.mean()),
        best / max(1, with_product),
        found / max(1, products),
    )


def _match(overlap: torch.Tensor) -> NDArray[np.bool_]:
    """(products, boxes) IoU → (boxes, 10): right at each IoU; each product is claimed once."""
    out = np.zeros((overlap.shape[1], len(_IOUS)), bool)
    for column, needed in enumerate(_IOUS):
        free = torch.ones(overlap.shape[0], dtype=torch.bool)
        for box in range(overlap.shape[1]):  # most confident first
            candidates = torch.where(free, overlap[:, box], torch.zeros(()))
            if len(candidates) and float(candidates.max()) >= float(needed):
                out[box, column] = True
                free[int(candidates.argmax())] = False
    return out


def _average_precision(
    right: list[NDArray[np.bool_]], scores: list[NDArray[np.float32]], products: int
) -> NDArray[np.float64]:
    true, sure = np.concatenate(right), np.concatenate(scores)
    if not len(sure) or not products:
        return np.zeros(len(_IOUS))
    classes = np.zeros(len(sure))
    result = ap_per_class(true, sure, classes, np.zeros(products), names={0: "product"})
    precision: NDArray[np.float64] = result[5][0]
    return precision
