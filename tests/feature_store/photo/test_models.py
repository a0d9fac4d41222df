"""What a bundle carries is read as it was written, or refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feature_store.errors import BundleError
from feature_store.photo.models import FOLDER, LIST, carries_models, read_models
from tests.feature_store.photo.small_models import carry

PARTS = (("one@000000000000", 8), ("two@111111111111", 5))


@pytest.mark.parametrize("detector", [True, False])
def test_the_list_is_read_as_it_was_written(tmp_path: Path, detector: bool) -> None:
    assert not carries_models(tmp_path)
    models = carry(tmp_path, PARTS, detector=detector)
    assert carries_models(tmp_path)
    assert read_models(tmp_path) == models
    assert models.dim == 13


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": 2},
        {"long_side_px": "wide"},
        {"extractors": [{"file": "a.onnx"}]},
        {"extractors": [{"file": "../a.onnx", "identity": "a", "dim": 3, "crop_px": 32}]},
        {"extractors": [{"file": "/a.onnx", "identity": "a", "dim": 3, "crop_px": 32}]},
        {"detector": {"file": "a.onnx", "network": {"identity": "a"}}},
        {"detector": []},
    ],
)
def test_a_damaged_list_is_told(tmp_path: Path, change: dict[str, Any]) -> None:
    carry(tmp_path, PARTS)
    path = tmp_path / FOLDER / LIST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=r"models\.json is missing or damaged"):
        read_models(tmp_path)


def test_reading_the_list_needs_neither_pillow_nor_a_runtime() -> None:
    code = """
import sys
import feature_store.photo.models
import feature_store.vision.settings
print([name for name in ("PIL", "onnxruntime", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
