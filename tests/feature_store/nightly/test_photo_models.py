"""A bundle carries the models that its own vectors came from, or says why it does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from feature_store.bundle.format import Part, read_manifest, verify
from feature_store.errors import BundleError
from feature_store.nightly import build_candidate
from feature_store.nightly.photo_models import carry_models
from feature_store.photo.models import FOLDER, LIST, carries_models, read_models
from feature_store.photo.reader import PhotoReader
from feature_store.vision.identity import extractor_identity
from feature_store.vision.settings import VisionSettings
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop
from tests.feature_store.photo.small_models import write_extractor

DIM = 64


def with_model(settings: FakeSettings, folder: Path, dim: int = DIM) -> tuple[FakeSettings, Part]:
    """Settings whose extractor is a small model, and the part that a bundle has of it."""
    path = folder / "mine.onnx"
    write_extractor(path, dim)
    vision = VisionSettings(extractor=str(path), detector="none", photo_long_side_px=800)
    part = Part(extractor_identity(vision), dim, 1.0)
    return replace(settings, vision=vision), part


def test_a_model_in_onnx_is_carried_as_it_is(settings: FakeSettings, tmp_path: Path) -> None:
    settings, part = with_model(settings, tmp_path)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    assert carry_models(bundle, [part], settings) == {"carried": True, "reason": ""}
    models = read_models(bundle)
    assert models.detector is None
    assert models.long_side_px == 800
    (carried,) = models.extractors
    assert (carried.identity, carried.dim) == (part.extractor, DIM)
    for name in ("mine.onnx", "mine.onnx.json"):
        ours = bundle / FOLDER / Path(carried.file).with_name(name)
        assert ours.read_bytes() == (tmp_path / name).read_bytes()
    assert PhotoReader(bundle).read(encode(quarters(), "JPEG")).vectors.shape == (1, DIM)


def test_weights_in_files_of_their_own_come_along(settings: FakeSettings, tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    weights = numpy_helper.from_array(np.full((1, 3, 1, 1), 2, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["pixels", "w"], ["vector"])],
        "large",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path, save_as_external_data=True, location="large.bin", size_threshold=0)
    vision = VisionSettings(extractor=str(path), detector="none")
    part = Part(extractor_identity(vision), 3, 1.0)
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    found = carry_models(bundle, [part], replace(settings, vision=vision))
    assert found == {"carried": True, "reason": ""}
    path.unlink()
    (tmp_path / "large.bin").unlink()
    assert PhotoReader(bundle).read(encode(quarters(), "JPEG")).vectors.shape == (1, 3)


def test_what_cannot_be_carried_is_said_and_leaves_nothing(
    settings: FakeSettings, tmp_path: Path
) -> None:
    settings, part = with_model(settings, tmp_path)
    (tmp_path / FOLDER).mkdir()  # of a step that was killed
    other = replace(part, extractor="another@0123456789ab")
    found = carry_models(tmp_path, [part, other], settings)
    assert found["carried"] is False
    assert "another@0123456789ab is not at hand" in found["reason"]
    assert not carries_models(tmp_path)
    off = replace(settings, index=replace(settings.index, photo_models=False))
    assert "NITAMONO_INDEX_PHOTO_MODELS" in carry_models(tmp_path, [part], off)["reason"]
    without = replace(settings, vision=replace(settings.vision, detector="gone.onnx"))
    assert "no such file" in carry_models(tmp_path, [part], without)["reason"]
    assert not (tmp_path / FOLDER).exists()


def test_a_build_carries_them_under_its_digests(settings: FakeSettings, tmp_path: Path) -> None:
    settings, part = with_model(settings, tmp_path)
    store = FakeStore(make_shop(54, DIM, extractor=part.extractor))
    candidate = build_candidate(settings, store)
    assert candidate.measurements["photo"] == {"carried": True, "reason": ""}
    manifest = read_manifest(candidate.path)
    assert f"{FOLDER}/{LIST}" in manifest.files
    verify(candidate.path, manifest)
    model = candidate.path / FOLDER / read_models(candidate.path).extractors[0].file
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(BundleError, match="is damaged"):
        verify(candidate.path, manifest)


def test_a_build_of_features_whose_model_is_gone_is_a_bundle_all_the_same(
    settings: FakeSettings, store: FakeStore
) -> None:
    candidate = build_candidate(settings, store)
    assert candidate.measurements["photo"]["carried"] is False
    assert not carries_models(candidate.path)
    json.dumps(candidate.measurements)
