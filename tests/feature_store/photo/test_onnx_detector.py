"""A detection network in ONNX finds its boxes where they are in the photo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_store.errors import VisionError
from feature_store.photo.detect import Network
from feature_store.photo.onnx_detector import OnnxDetector
from feature_store.photo.onnx_session import OnnxSettings
from tests.feature_store.photo.small_models import LARGE, SIDE_PX, SIEVE, SMALL, write_detector

NETWORK = Network("boxes@000000000000", SIDE_PX, ("product",), SIEVE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "detector.onnx"
    write_detector(path)
    return path


def test_boxes_are_those_of_the_photo_and_the_best_come_first(model: Path) -> None:
    detector = OnnxDetector(OnnxSettings(model), NETWORK)
    square = np.zeros((200, 200, 3), np.uint8)
    (found,) = detector.detect([square])
    assert [tuple(one.box) for one in found] == [
        pytest.approx(SMALL, abs=1e-3),
        pytest.approx(LARGE, abs=1e-3),
    ]
    assert [one.label for one in found] == ["product"] * 2
    assert detector.identity == NETWORK.identity
    # A wide photo lies between grey bars: what is found in them is not in the photo.
    (wide,) = detector.detect([np.zeros((100, 200, 3), np.uint8)])
    assert wide[0].box.y0 == 0.0
    assert detector.detect([]) == []


def test_a_model_of_another_size_or_answer_is_refused(model: Path) -> None:
    with pytest.raises(VisionError, match="is needed"):
        OnnxDetector(OnnxSettings(model), replace(NETWORK, side_px=32))
    several = OnnxDetector(OnnxSettings(model), replace(NETWORK, labels=("shoe", "bag")))
    with pytest.raises(VisionError, match="the detector answered"):
        several.detect([np.zeros((64, 64, 3), np.uint8)])
