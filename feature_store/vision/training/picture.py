"""Draws found and true boxes on scenes, side by side: people look before they read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from feature_store.vision.product_detector import ProductDetector
from feature_store.vision.training.evaluate import predict
from feature_store.vision.training.scenes import Scene
from feature_store.vision.training.textures import Pixels

_TRUE, _FOUND = (0, 170, 0), (220, 30, 30)


def draw_boxes(
    model: ProductDetector, scenes: Sequence[Scene], path: Path, columns: int = 6
) -> None:
    """Write a PNG of `scenes`: true boxes thin green, boxes found (score ≥ 0.25) thick red."""
    tiles = [_tile(model, scene) for scene in scenes]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _tile(model: ProductDetector, scene: Scene) -> Pixels:
    canvas = scene.pixels.copy()
    side = canvas.shape[0]
    images = torch.from_numpy(scene.pixels).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        maps = model.trunk(images)
    for *box, score, _ in predict(model, maps, threshold=0.25)[0].tolist():
        low, high = (int(box[0]), int(box[1])), (int(box[2]), int(box[3]))
        cv2.rectangle(canvas, low, high, _FOUND, 3)
        at = (low[0] + 3, max(12, low[1] - 4))
        cv2.putText(canvas, f"{score:.2f}", at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _FOUND, 1)
    for box in (scene.boxes * side).astype(int).tolist():
        cv2.rectangle(canvas, (box[0], box[1]), (box[2], box[3]), _TRUE, 1)
    return canvas
