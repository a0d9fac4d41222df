"""The detector and the extractor that the settings ask for."""

from __future__ import annotations

from dataclasses import replace

from feature_store.photo.detect import Detector, WholeImageDetector
from feature_store.photo.extract import Extractor
from feature_store.vision.lazy import LazyDetector, LazyExtractor
from feature_store.vision.settings import VisionSettings


def load_detector(settings: VisionSettings) -> Detector:
    """The detector that `settings.detector` names, which loads when it is first used.

    VisionError if there is none; one that cannot be loaded may say so only then.
    """
    return WholeImageDetector() if settings.detector == "none" else LazyDetector(settings)


def load_extractor(settings: VisionSettings, model: str | None = None) -> Extractor:
    """The extractor `model`, or `settings.extractor`, which loads when it is first used.

    VisionError if there is none; one that cannot be loaded may say so only then.
    """
    return LazyExtractor(settings if model is None else replace(settings, extractor=model))
