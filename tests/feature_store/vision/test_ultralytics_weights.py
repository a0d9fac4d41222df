"""Weights come from our own file, a checkpoint or an export; never code, never by surprise."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from feature_store.errors import VisionError
from feature_store.vision import ultralytics_weights
from feature_store.vision.lazy import LazyDetector
from feature_store.vision.models import load_detector
from feature_store.vision.settings import VisionSettings
from feature_store.vision.ultralytics_detector import UltralyticsDetector
from feature_store.vision.ultralytics_weights import import_ultralytics
from tests.feature_store.vision.pictures import product_photo


def random_yolo(architecture: str) -> torch.nn.Module:
    import_ultralytics()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(3)
    model = DetectionModel(architecture, nc=4, verbose=False).eval()
    model.names = {0: "shoe", 1: "bag", 2: "shirt", 3: "hat"}
    model.args = {"imgsz": 96}
    return model


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "trained.pt"
    torch.save({"model": random_yolo("yolo26n.yaml"), "train_args": {"imgsz": 96}}, path)
    return path


def everything(weights: Path, **settings: object) -> VisionSettings:
    chosen = {"confidence": 0.0, "min_product_share": 0.0, "max_products": 20, **settings}
    return VisionSettings(detector=str(weights), device="cpu", **chosen)  # type: ignore[arg-type]


def test_a_checkpoint_runs_and_keeps_its_size_and_labels(checkpoint: Path) -> None:
    detector = load_detector(everything(checkpoint, precision="float32"))
    assert isinstance(detector, LazyDetector)
    assert isinstance(detector.model, UltralyticsDetector)
    assert detector.model.side_px == 96
    assert detector.model.identity == detector.identity
    found = detector.detect([product_photo(seed) for seed in range(3)])
    assert all(0 < len(listed) <= 20 for listed in found)
    assert {d.label for listed in found for d in listed} <= {"shoe", "bag", "shirt", "hat"}
    for listed in found:
        confidences = [d.confidence for d in listed]
        assert confidences == sorted(confidences, reverse=True)


def test_an_end_to_end_model_answers_like_its_other_head_in_form(checkpoint: Path) -> None:
    model = random_yolo("yolo26n.yaml")
    model.end2end = True
    settings = everything(checkpoint, precision="float32")
    (found,) = UltralyticsDetector(settings, model).detect([product_photo(1)])
    assert 0 < len(found) <= 20
    assert len({d.box for d in found}) == len(found)


def test_bfloat16_scores_as_float32_does(checkpoint: Path) -> None:
    best = []
    for precision in ("float32", "bfloat16"):
        detector = load_detector(everything(checkpoint, precision=precision))
        best.append(detector.detect([product_photo(5)])[0][0].confidence)
    assert best[0] == pytest.approx(best[1], rel=0.1)


def test_an_onnx_export_answers_as_its_checkpoint(tmp_path: Path) -> None:
    model = random_yolo("yolo11n.yaml")
    model.fuse(verbose=False)
    model.model[-1].export = True
    path = tmp_path / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            model, (torch.zeros(1, 3, 96, 96),), path, dynamo=False, input_names=["images"]
        )
    add_metadata(path, {"names": str(model.names), "imgsz": "[96, 96]", "stride": "32"})
    photos = [product_photo(seed) for seed in range(3)]
    settings = everything(path, precision="float32")
    from_module = UltralyticsDetector(settings, model).detect(photos)
    from_file = load_detector(settings).detect(photos)
    for ours, theirs in zip(from_module, from_file, strict=True):
        assert ours[0].label == theirs[0].label
        assert ours[0].confidence == pytest.approx(theirs[0].confidence, rel=1e-3)
        assert ours[0].box == pytest.approx(theirs[0].box, abs=1e-3)


def add_metadata(path: Path, values: dict[str, str]) -> None:
    import onnx

    model = onnx.load(path)
    for key, value in values.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)


class Planted:
    """Unpickling this would make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.path),))


def test_a_checkpoint_that_carries_code_is_refused_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_ultralytics()
    monkeypatch.setattr("ultralytics.nn.tasks.SAFE_LOAD", False)  # as if imported by others first
    weights, trace = tmp_path / "planted.pt", tmp_path / "trace"
    torch.save({"model": Planted(trace)}, weights)
    with pytest.raises(VisionError, match=r"planted\.pt"):
        load_detector(everything(weights))
    assert not trace.exists()


def test_checkpoints_are_warned_of_once(checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    ultralytics_weights._warn_of_pickles.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            load_detector(everything(checkpoint))
    assert [record.getMessage() for record in caplog.records].count(
        "a .pt file is a pickle: only known model classes are rebuilt out of it, but load only "
        "weights you trust, or export them to .onnx"
    ) == 1


@pytest.mark.parametrize("suffix", [".pt", ".onnx", ".safetensors"])
def test_a_damaged_file_is_told_by_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(b"not weights at all")
    with pytest.raises(VisionError, match="damaged"):
        load_detector(everything(path))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("nowhere/yolo26n.pt", "no such file"),
        ("mine.pt", "nor an official YOLO's name"),
        ("weights.txt", "a file ending in"),
    ],
)
def test_missing_weights_are_told(tmp_path: Path, weights: str, message: str) -> None:
    with pytest.raises(VisionError, match=message):
        load_detector(VisionSettings(detector=weights, weights_folder=str(tmp_path)))


def test_an_official_name_without_internet_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YOLO_OFFLINE", "true")
    with pytest.raises(VisionError, match="put the file into"):
        load_detector(VisionSettings(detector="yolo26n.pt", weights_folder=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def test_an_official_name_already_downloaded_is_used(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "yolo26n.pt").write_bytes(checkpoint.read_bytes())
    settings = VisionSettings(detector="yolo26n.pt", weights_folder=str(tmp_path), device="cpu")
    assert load_detector(settings).identity.startswith("yolo26n@")


def test_a_detector_leaves_the_home_alone_and_torchvision_out(
    tmp_path: Path, checkpoint: Path
) -> None:
    code = f"""
import sys, numpy
from feature_store.vision.models import load_detector
from feature_store.vision.settings import VisionSettings
load_detector(VisionSettings(detector={str(checkpoint)!r}, device="cpu")).detect(
    [numpy.zeros((40, 30, 3), numpy.uint8)])
from ultralytics.utils.events import events
print("torchvision" in sys.modules, events.enabled)
"""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "XDG_"))}
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**kept, "HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=False,
    )
    assert answer.stdout.decode().split() == ["False", "False"], answer.stderr.decode()
    assert list(tmp_path.rglob("*")) == []


def test_a_model_of_another_task_is_refused(checkpoint: Path) -> None:
    model = random_yolo("yolo11n.yaml")
    model.task = "classify"
    with pytest.raises(VisionError, match="weights for detection are needed"):
        UltralyticsDetector(everything(checkpoint), model)
