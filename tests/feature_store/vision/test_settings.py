"""The settings refuse what makes no sense, and the package is light to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from feature_store.errors import SettingsError
from feature_store.vision.settings import VisionSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": 1.5},
        {"iou": -0.1},
        {"min_product_share": 2.0},
        {"max_products": 0},
        {"extractor_batch": 0},
        {"detector_batch": -1},
        {"crop_px": 0},
        {"crop_px": 225},
        {"detector_image_px": -32},
        {"device": "tpu"},
        {"precision": "int8"},
        {"threads": -1},
    ],
)
def test_a_value_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=name):
        VisionSettings(**wrong)  # type: ignore[arg-type]


def test_light_modules_import_no_model_library() -> None:
    of_vision = ("vision", "vision.settings", "vision.models")
    of_photo = ("detect", "extract", "crops", "regions", "onnx_detector", "onnx_extractor")
    modules = (*of_vision, *(f"photo.{name}" for name in of_photo))
    imports = "; ".join(f"import feature_store.{name}" for name in modules)
    heavy = ("torch", "ultralytics", "torchvision", "onnxruntime", "cv2")
    code = f"{imports}; import sys; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert answer.stdout.decode().strip() == "[]"
