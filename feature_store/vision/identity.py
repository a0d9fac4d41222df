"""Which detector and which extractor the settings mean, told without building a network.

An identity is 'name@digest'. The digest covers the bytes of the weights, the settings that move an
answer, and the version of our own code around the model (`PREPROCESSING` in `letterbox`,
`packaged` and `onnx_extractor`), raised by hand with any change that can move a box or a vector.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from feature_store.photo.detect import WholeImageDetector
from feature_store.photo.letterbox import PREPROCESSING
from feature_store.vision.detector_weights import find_weights, told_image_px
from feature_store.vision.packaged import DIMS, packaged_identity
from feature_store.vision.settings import VisionSettings


class ExtractorFacts(NamedTuple):
    """What is known of an extractor before it is loaded; `dim` is None where only loading tells."""

    identity: str
    dim: int | None


def detector_identity(settings: VisionSettings) -> str:
    """Tell the identity of the detector that `settings.detector` names.

    Our own weights and a set `detector_image_px` need no model library; other weights are loaded,
    because they alone tell the size that they were trained at. VisionError if they cannot be had.
    """
    if settings.detector == "none":
        return WholeImageDetector.identity
    weights = find_weights(settings.detector, Path(settings.weights_folder))
    side_px = settings.detector_image_px or told_image_px(weights)
    if side_px is None:
        from feature_store.vision.ultralytics_detector import UltralyticsDetector

        return UltralyticsDetector(replace(settings, device="cpu"), weights).identity
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return name_detector(weights.stem, digest, side_px, settings)


def name_detector(name: str, weights: hashlib._Hash, side_px: int, settings: VisionSettings) -> str:
    """Compose a detector's identity out of the digest of its weights and all that moves a box."""
    limits = (
        settings.confidence,
        settings.best_confidence,
        settings.iou,
        settings.max_products,
        settings.min_product_share,
    )
    digest = weights.copy()
    digest.update(f"{PREPROCESSING}:{side_px}:{limits}{settings.digest_text}".encode())
    return f"{name}@{digest.hexdigest()[:12]}"


def extractor_identity(settings: VisionSettings, model: str | None = None) -> str:
    """Tell the identity of `model`, named as in `settings.extractor`; without one, of that.

    VisionError if there is no such extractor. Never imports torch.
    """
    return extractor_facts(settings if model is None else replace(settings, extractor=model))[0]


def extractor_facts(settings: VisionSettings) -> ExtractorFacts:
    """Tell what is known of the extractor that `settings.extractor` names; see the above."""
    name = settings.extractor
    if name.endswith(".onnx"):
        from feature_store.photo.onnx_extractor import look_at

        return ExtractorFacts(*look_at(settings.onnx))
    return ExtractorFacts(packaged_identity(name, settings), DIMS[name])
