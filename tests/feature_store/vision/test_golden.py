"""What reaches a model is what it was when its identity was given: else the version must rise.

A test that fails here after a change to crops, letterbox, preprocessing or networks says: raise the
`PREPROCESSING` it names, then write the new digest down beside the new version. Vectors and boxes
in a store are told apart by nothing else.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from feature_store.photo import letterbox, onnx_extractor
from feature_store.photo.crops import crop, squash
from feature_store.photo.onnx_extractor import OnnxExtractor
from feature_store.photo.onnx_session import OnnxSettings
from feature_store.schemas import Box
from feature_store.vision import packaged
from feature_store.vision.detector_weights import DEFAULT_WEIGHTS
from feature_store.vision.efficientnet import EfficientNetExtractor
from feature_store.vision.identity import detector_identity, extractor_identity
from feature_store.vision.lazy import LazyExtractor
from feature_store.vision.models import load_extractor
from feature_store.vision.settings import VisionSettings
from feature_store.vision.ultralytics_detector import UltralyticsDetector
from feature_store.vision.ultralytics_weights import import_ultralytics
from tests.feature_store.vision.models import write_model

GOLDEN = Path(__file__).parent / "golden.json"
"""Some numbers of each packaged extractor's vector of `picture()`, in float32."""


def picture(width: int = 301, height: int = 203) -> npt.NDArray[np.uint8]:
    """Drawn by whole numbers alone, so that it is the same everywhere: bands, edges, slopes."""
    y, x = np.mgrid[:height, :width]
    red = (x * x // 97 + y * 3) % 256
    green = np.where((x - 150) ** 2 + (y - 100) ** 2 < 4900, 200 - y // 2, x // 2)
    blue = (x // 16 + y // 16) % 2 * 180 + x % 7
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def digest(*arrays: npt.NDArray[np.generic]) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(f"{array.dtype}{array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]


def crops_seen() -> list[npt.NDArray[np.uint8]]:
    boxes = [Box(0.0, 0.0, 1.0, 1.0), Box(0.1, 0.2, 0.7, 0.9), Box(0.333, 0.4, 0.334, 0.9)]
    return [crop(picture(), box) for box in boxes]


def test_crops_reach_the_packaged_networks_as_their_version_says() -> None:
    found = digest(*(squash(each, 224) for each in crops_seen()))
    assert {packaged.PREPROCESSING: found} == {"squash-2": "27dd6f4af8a6d610"}


def test_crops_reach_onnx_models_as_their_version_says(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    extractor = OnnxExtractor(OnnxSettings(path))
    squares = np.stack([squash(each, 224) for each in crops_seen()])
    found = digest(extractor._prepare(squares))
    assert {onnx_extractor.PREPROCESSING: found} == {"squash-1": "af70d0f0bb1ed965"}


def test_photos_reach_detectors_and_boxes_return_as_their_version_says() -> None:
    squares, placements = letterbox.letterbox([picture(), picture(70, 90)], 320)
    corners = np.array([[10.5, 60.25, 200.125, 250.0], [0.0, 0.0, 320.0, 320.0]], np.float32)
    boxes = [letterbox.box_in_photo(row, place) for place in placements for row in corners]
    assert None not in boxes
    found = digest(squares, np.array(boxes))
    assert {letterbox.PREPROCESSING: found} == {"letterbox-1": "8dbc366a5283e511"}


@pytest.mark.parametrize("name", packaged.SIZES)
def test_the_packaged_networks_answer_as_they_did(name: str) -> None:
    extractor = EfficientNetExtractor(
        VisionSettings(device="cpu", precision="float32", extractor=name)
    )
    golden = json.loads(GOLDEN.read_text())[name]
    assert extractor.identity == golden["identity"]
    (vector,) = extractor.extract([picture()])
    assert vector.shape == (golden["dim"],)
    np.testing.assert_allclose(vector[::64], golden["every_64th"], atol=2e-4)


def test_the_default_detector_answers_as_it_did() -> None:
    import_ultralytics()
    settings = VisionSettings(device="cpu", precision="float32")
    golden = json.loads(GOLDEN.read_text())["default detector"]
    assert detector_identity(settings) == golden["identity"]
    (found,) = UltralyticsDetector(settings, DEFAULT_WEIGHTS).detect([picture()])
    assert len(found) == len(golden["boxes"])
    for detection, box in zip(found, golden["boxes"], strict=True):
        assert detection.box == pytest.approx(box, abs=2e-3)


def test_identities_are_those_that_stores_hold_already() -> None:
    """A changed one makes every shop compute its whole catalogue again: never by accident."""
    assert detector_identity(VisionSettings(detector="none")) == "none@000000000000"
    assert detector_identity(VisionSettings()) == "product@71ccb6bc426d"
    assert detector_identity(VisionSettings(detector_image_px=640)) == "product@eb406dffc87e"
    assert detector_identity(VisionSettings(confidence=0.5)) == "product@9eaa53fbe333"
    assert extractor_identity(VisionSettings()) == "efficientnet-lite2@fb183eba3318"
    lite0 = extractor_identity(VisionSettings(), "efficientnet-lite0")
    assert lite0 == "efficientnet-lite0@829202c65d1f"


def test_photos_of_another_size_make_other_models(tmp_path: Path) -> None:
    """Else what was found in smaller photos would be taken for what these would give."""
    network = str(
        write_model(tmp_path / "tiny.onnx", [("Flatten", "axis=1")], ["n", 3, 32, 32], rank=2)
    )
    larger = VisionSettings(device="cpu", photo_long_side_px=2048)
    for name in ("efficientnet-lite0", network):
        usual = extractor_identity(VisionSettings(), name)
        assert extractor_identity(larger, name) != usual
        lazy = load_extractor(larger, name)
        assert isinstance(lazy, LazyExtractor)
        assert lazy.model.identity == lazy.identity != usual
    assert detector_identity(larger) != detector_identity(VisionSettings())
