"""The detector and the extractor that the settings ask for."""

from __future__ import annotations

from pathlib import Path

from feature_store.vision.detect import Detector, WholeImageDetector
from feature_store.vision.extract import Extractor
from feature_store.vision.settings import VisionSettings


def load_detector(settings: VisionSettings) -> Detector:
    """Load the detector that `settings.detector` names; VisionError if it cannot be had."""
    if settings.detector == "none":
        return WholeImageDetector()
    from feature_store.vision.ultralytics_detector import UltralyticsDetector
    from feature_store.vision.ultralytics_weights import find_weights

    weights = find_weights(settings.detector, Path(settings.weights_folder))
    return UltralyticsDetector(settings, weights)


def load_extractor(settings: VisionSettings) -> Extractor:
    """Load the extractor that `settings.extractor` names; VisionError if it cannot be had."""
    if settings.extractor.endswith(".onnx"):
        from feature_store.vision.onnx_extractor import OnnxExtractor

        return OnnxExtractor(settings)
    from feature_store.vision.efficientnet import EfficientNetExtractor

    return EfficientNetExtractor(settings)
