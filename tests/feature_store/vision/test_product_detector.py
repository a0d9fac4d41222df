"""The shipped detector: small, loads without pickle, and finds products in unseen scenes."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from ultralytics.nn.autobackend import AutoBackend
from ultralytics.utils.metrics import box_iou
from ultralytics.utils.nms import non_max_suppression

from feature_store.errors import VisionError
from feature_store.vision import product_detector
from feature_store.vision.product_detector import ProductDetector, load_product_detector
from feature_store.vision.settings import VisionSettings
from feature_store.vision.training.artwork import Artwork
from feature_store.vision.training.maps import HELD_OUT_SEED
from feature_store.vision.training.scenes import compose_scene
from feature_store.vision.ultralytics_detector import UltralyticsDetector
from tests.feature_store.vision.pictures import product_photo

WEIGHTS = Path(product_detector.__file__).parent / "weights" / "product.safetensors"


@pytest.fixture(scope="module")
def detector() -> ProductDetector:
    return load_product_detector(WEIGHTS)


def test_the_shipped_weights_are_at_most_six_megabytes() -> None:
    assert WEIGHTS.stat().st_size <= 6_000_000


def test_it_finds_the_product_in_scenes_drawn_from_unseen_seeds(detector: ProductDetector) -> None:
    found = asked = 0
    for seed in range(HELD_OUT_SEED + 500, HELD_OUT_SEED + 524):
        scene = compose_scene(seed, Artwork((), ()))
        if not len(scene.boxes):
            continue
        images = torch.from_numpy(scene.pixels).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            best = non_max_suppression(detector(images)[0], 0.05)[0][:1, :4]
        truth = torch.from_numpy(scene.boxes) * 320
        asked += 1
        found += int(len(best) > 0 and float(box_iou(truth, best).max()) >= 0.5)
    assert asked >= 15
    assert found >= 0.75 * asked


def test_ultralytics_takes_the_module_and_fusing_changes_nothing(detector: ProductDetector) -> None:
    images = torch.rand(2, 3, 320, 320, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        plain = detector(images)[0]
    backend = AutoBackend(load_product_detector(WEIGHTS), device=torch.device("cpu"), fuse=True)
    with torch.inference_mode():
        fused = backend(images)[0]
    assert plain.shape == fused.shape == (2, 5, 500)
    assert torch.allclose(plain[:, :4], fused[:, :4], atol=0.2)
    assert torch.allclose(plain[:, 4], fused[:, 4], atol=5e-3)
    assert float(plain[:, 4].min()) >= 0
    assert float(plain[:, 4].max()) <= 1
    assert backend.names == {0: "product"}
    assert backend.stride == 32


def test_bfloat16_finds_products_where_float32_does() -> None:
    """Of each photo the most confident; without care for what it rounds, 0.98 in the median."""
    photos = [product_photo(seed) for seed in range(24)]
    exact, rounded = (
        UltralyticsDetector(VisionSettings(device="cpu", precision=precision), WEIGHTS)
        for precision in ("float32", "bfloat16")
    )
    overlaps = [
        box_iou(torch.tensor([ours[0].box]), torch.tensor([one.box for one in theirs])).max().item()
        for ours, theirs in zip(exact.detect(photos), rounded.detect(photos), strict=True)
        if ours
    ]
    assert len(overlaps) > 12
    assert statistics.median(overlaps) > 0.99
    assert min(overlaps) > 0.93


def test_other_sizes_of_input_are_accepted(detector: ProductDetector) -> None:
    with torch.inference_mode():
        assert detector(torch.zeros(1, 3, 256, 192))[0].shape == (1, 5, 16 * 12 + 8 * 6)


def test_what_is_no_detector_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(VisionError, match="absent"):
        load_product_detector(tmp_path / "absent.safetensors")
    (tmp_path / "noise.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(VisionError, match="noise"):
        load_product_detector(tmp_path / "noise.safetensors")
    save_file({"a": torch.zeros(1)}, str(tmp_path / "other.safetensors"))
    with pytest.raises(VisionError, match="other"):
        load_product_detector(tmp_path / "other.safetensors")
