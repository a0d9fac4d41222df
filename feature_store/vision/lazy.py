"""A detector and an extractor that know who they are at once, and load when they are first used.

A day that finds everything in the store asks for identities only, and so never loads a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from feature_store.errors import VisionError
from feature_store.photo.detect import Detection, Detector
from feature_store.photo.extract import Extractor
from feature_store.vision.detector_weights import find_weights
from feature_store.vision.identity import detector_identity, extractor_facts
from feature_store.vision.settings import VisionSettings


class LazyDetector:
    """A Detector around the weights that the settings name; not for many threads."""

    def __init__(self, settings: VisionSettings) -> None:
        """Tell the identity; VisionError if there are no such weights."""
        self._settings = settings
        self._model: Detector | None = None
        self.identity = detector_identity(settings)

    @property
    def model(self) -> Detector:
        """The detector itself, loaded at the first time; VisionError if it cannot be."""
        if self._model is None:
            from feature_store.vision.ultralytics_detector import UltralyticsDetector

            weights = find_weights(self._settings.detector, Path(self._settings.weights_folder))
            loaded = UltralyticsDetector(self._settings, weights)
            _require_same(self._settings.detector, self.identity, loaded.identity)
            self._model = loaded
        return self._model

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Find the products of each photo (uint8 (H, W, 3) RGB), the most confident first."""
        return self.model.detect(images) if images else []


class LazyExtractor:
    """An Extractor around the model that the settings name; not for many threads."""

    def __init__(self, settings: VisionSettings) -> None:
        """Tell the identity; VisionError if there is no such model."""
        self._settings = settings
        self._model: Extractor | None = None
        self.identity, self._dim = extractor_facts(settings)

    @property
    def dim(self) -> int:
        """Length of a vector; only a model that does not tell it is loaded for it."""
        return self.model.dim if self._dim is None else self._dim

    @property
    def model(self) -> Extractor:
        """The extractor itself, loaded at the first time; VisionError if it cannot be."""
        if self._model is None:
            loaded = _load_extractor(self._settings)
            _require_same(self._settings.extractor, self.identity, loaded.identity)
            self._model = loaded
        return self._model

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Describe uint8 (H, W, 3) RGB crops of any size: float32 (n, dim), rows of norm 1.

        A row that cannot be is all NaN.
        """
        return self.model.extract(crops) if crops else np.empty((0, self.dim), np.float32)


def _require_same(name: str, told: str, loaded: str) -> None:
    """Raise VisionError if the file was replaced after its identity was told."""
    if told != loaded:
        raise VisionError(
            f"{name!r} was {told} when this run began, and is {loaded} by now: run it again"
        )


def _load_extractor(settings: VisionSettings) -> Extractor:
    if settings.extractor.endswith(".onnx"):
        from feature_store.photo.onnx_extractor import OnnxExtractor

        return OnnxExtractor(settings.onnx)
    from feature_store.vision.efficientnet import EfficientNetExtractor

    return EfficientNetExtractor(settings)
