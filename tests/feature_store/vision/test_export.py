"""What the pipeline detects and describes with goes to machines without torch unchanged."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ultralytics.nn.tasks import DetectionModel

from feature_store.errors import VisionError
from feature_store.photo.models import read_network
from feature_store.photo.onnx_detector import OnnxDetector
from feature_store.photo.onnx_session import OnnxSettings
from feature_store.vision import export
from feature_store.vision.export import MODEL, NETWORK, export_detector, exported_extractor
from feature_store.vision.identity import detector_identity
from feature_store.vision.models import load_detector
from feature_store.vision.settings import VisionSettings
from tests.feature_store.photo.small_models import write_detector
from tests.feature_store.vision.pictures import product_photo

CPU = VisionSettings(device="cpu", precision="float32")
PHOTOS = [product_photo(seed) for seed in range(6)]


def opened(folder: Path) -> OnnxDetector:
    network = read_network(json.loads((folder / NETWORK).read_text()))
    return OnnxDetector(OnnxSettings(folder / MODEL), network)


def test_the_exported_detector_finds_the_same_boxes(tmp_path: Path) -> None:
    export_detector(tmp_path / MODEL, CPU)
    exported = opened(tmp_path)
    assert exported.identity == detector_identity(CPU)
    found, expected = exported.detect(PHOTOS), load_detector(CPU).detect(PHOTOS)
    assert [len(listed) for listed in found] == [len(listed) for listed in expected]
    assert sum(map(len, found)) > 3
    for ours, theirs in zip(found, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.box == pytest.approx(other.box, abs=2e-3)
            assert one.confidence == pytest.approx(other.confidence, abs=1e-3)
            assert one.label == other.label == "product"


@pytest.mark.parametrize("end_to_end", [False, True])
def test_an_official_yolo_goes_along_whatever_its_head(tmp_path: Path, end_to_end: bool) -> None:
    torch.manual_seed(0)
    model = DetectionModel("yolo26n.yaml", nc=4, verbose=False).eval()
    model.names = dict(enumerate(("shoe", "bag", "shirt", "hat")))
    model.args = {"imgsz": 96}
    model.end2end = end_to_end
    torch.save({"model": model, "train_args": {"imgsz": 96}}, tmp_path / "mine.pt")
    settings = replace(
        CPU, detector=str(tmp_path / "mine.pt"), confidence=0.0, min_product_share=0.0
    )
    export_detector(tmp_path / MODEL, settings)
    ours, theirs = opened(tmp_path).detect(PHOTOS[:2]), load_detector(settings).detect(PHOTOS[:2])
    for one, other in zip(ours, theirs, strict=True):
        assert one[0].confidence == pytest.approx(other[0].confidence, abs=1e-3)
        assert {each.label for each in one} <= set(model.names.values())


def test_a_detector_in_onnx_goes_along_as_it_is(tmp_path: Path) -> None:
    write_detector(tmp_path / "mine.onnx")
    settings = replace(CPU, detector=str(tmp_path / "mine.onnx"), detector_image_px=64)
    export_detector(tmp_path / MODEL, settings)
    assert (tmp_path / MODEL).read_bytes() == (tmp_path / "mine.onnx").read_bytes()
    assert opened(tmp_path).identity == detector_identity(settings)


def test_an_export_that_answers_otherwise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = export._prove
    monkeypatch.setattr(
        export, "_prove", lambda path, pixels, expected: real(path, pixels, expected + 1)
    )
    with pytest.raises(VisionError, match="answers otherwise than the network"):
        export_detector(tmp_path / MODEL, CPU)


def test_what_cannot_be_exported_is_told_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    cache = tmp_path / "onnx"
    with pytest.raises(VisionError, match="is unknown"):
        exported_extractor(replace(CPU, extractor="resnet"), cache)
    assert not cache.exists()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    settings = replace(CPU, detector=str(broken), detector_image_px=64)
    with pytest.raises(VisionError, match=r"the detector cannot be exported.*broken\.safetensors"):
        export.exported_detector(settings, cache)
    assert list(cache.iterdir()) == []


def test_settings_survive_the_way_to_the_exporting_process() -> None:
    sent = json.loads(json.dumps(asdict(CPU)))
    assert VisionSettings(**sent) == CPU
    assert np.isclose(CPU.sieve.iou, 0.6)
