"""Any ONNX image model describes crops, whatever its layout, size, type and output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from feature_store.errors import VisionError
from feature_store.photo.onnx_extractor import OnnxExtractor
from feature_store.vision.models import load_extractor
from feature_store.vision.settings import VisionSettings
from tests.feature_store.vision.models import write_model

RAW = {"scale": 1.0, "mean": [0, 0, 0], "std": [1, 1, 1]}
COLOURS = [(30, 40, 0), (0, 0, 9), (255, 255, 255)]
CROPS = [np.full((17, 5, 3), colour, np.uint8) for colour in COLOURS]
EXPECTED = [[0.6, 0.8, 0.0], [0.0, 0.0, 1.0], [3**-0.5] * 3]


def extractor(
    path: Path, sidecar: dict[str, object] | None = None, **settings: int
) -> OnnxExtractor:
    if sidecar is not None:
        path.with_name(f"{path.name}.json").write_text(json.dumps(sidecar))
    chosen = VisionSettings(extractor=str(path), device="cpu", **settings)  # type: ignore[arg-type]
    found = OnnxExtractor(chosen.onnx)
    lazy = load_extractor(chosen)
    assert (lazy.identity, lazy.dim) == (found.identity, found.dim)
    return found


def test_a_map_is_averaged_and_normalised(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    colours = extractor(path, RAW, crop_px=64)
    assert colours.dim == 3
    vectors = colours.extract(CROPS)
    np.testing.assert_allclose(vectors, EXPECTED, atol=1e-5)
    assert vectors.dtype == np.float32


def test_a_vector_is_taken_as_it_is(tmp_path: Path) -> None:
    nodes = [("ReduceMean", "axes=2,3 keepdims=0")]
    path = write_model(tmp_path / "m.onnx", nodes, ["n", 3, "h", "w"], rank=2)
    np.testing.assert_allclose(extractor(path, RAW).extract(CROPS), EXPECTED, atol=1e-5)


def test_channels_last_input_is_discovered(tmp_path: Path) -> None:
    nodes = [("ReduceMean", "axes=1,2 keepdims=0")]
    path = write_model(tmp_path / "m.onnx", nodes, ["n", 32, 32, 3], rank=2)
    np.testing.assert_allclose(extractor(path, RAW).extract(CROPS), EXPECTED, atol=1e-5)


def test_bytes_are_fed_to_a_model_of_bytes(tmp_path: Path) -> None:
    nodes = [("Cast", f"to={TensorProto.FLOAT}")]
    path = write_model(tmp_path / "m.onnx", nodes, ["n", 3, 32, 32], dtype=TensorProto.UINT8)
    np.testing.assert_allclose(extractor(path).extract(CROPS), EXPECTED, atol=1e-5)


def test_a_fixed_batch_is_filled_up(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], [2, 3, 32, 32])
    np.testing.assert_allclose(extractor(path, RAW).extract(CROPS), EXPECTED, atol=1e-5)


def test_pixels_are_prepared_as_the_file_beside_says(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    crop = np.full((8, 8, 3), (10, 20, 30), np.uint8)
    how = {"scale": 0.1, "mean": [1, 1, 0], "std": [1, 1, 3]}  # (0, 1, 1)
    expected = [[0.0, 0.5**0.5, 0.5**0.5]]
    np.testing.assert_allclose(extractor(path, how).extract([crop]), expected, atol=1e-5)


def test_without_such_a_file_pixels_are_prepared_as_for_imagenet(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    raw = (np.array([200, 100, 50]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    vector = extractor(path).extract([np.full((8, 8, 3), (200, 100, 50), np.uint8)])
    np.testing.assert_allclose(vector, [raw / np.linalg.norm(raw)], atol=1e-5)


def test_the_size_is_the_model_s_then_the_file_s_then_the_setting_s(tmp_path: Path) -> None:
    fixed = write_model(tmp_path / "fixed.onnx", [("Identity", "")], ["n", 3, 48, 48])
    free = write_model(tmp_path / "free.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    assert extractor(fixed, {"size_px": 96})._side_px == 48
    assert extractor(free, crop_px=64)._side_px == 64
    assert extractor(free, {"size_px": 96}, crop_px=64)._side_px == 96


def test_rows_that_cannot_be_are_nan(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Log", "")], ["n", 3, "h", "w"])
    vectors = extractor(path, RAW).extract([CROPS[0], CROPS[2]])
    assert np.isnan(vectors[0]).all()  # the logarithm of a zero
    np.testing.assert_allclose(vectors[1], [3**-0.5] * 3, atol=1e-5)


def test_no_crops_make_no_vectors(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    assert extractor(path).extract([]).shape == (0, 3)


def test_the_identity_follows_model_preprocessing_and_size(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    other = write_model(tmp_path / "other.onnx", [("Neg", "")], ["n", 3, "h", "w"])
    first = extractor(path).identity
    assert first.startswith("m@")
    assert first == extractor(path, extractor_batch=3).identity
    digests = {first.split("@")[1], extractor(other).identity.split("@")[1]}
    digests.add(extractor(path, crop_px=64).identity.split("@")[1])
    digests.add(extractor(path, RAW).identity.split("@")[1])
    assert len(digests) == 4


@pytest.mark.parametrize("shape", [["n", 1, 32, 32], ["n", 3, 32], ["n", 3, 32, 48]])
def test_a_model_of_something_else_is_refused(tmp_path: Path, shape: list[int | str]) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], shape, rank=len(shape))
    with pytest.raises(VisionError, match="is needed"):
        extractor(path)


def test_an_output_of_another_rank_is_refused(tmp_path: Path) -> None:
    nodes = [("ReduceMean", "axes=1,2,3 keepdims=0")]
    path = write_model(tmp_path / "m.onnx", nodes, ["n", 3, 32, 32], rank=1)
    with pytest.raises(VisionError, match="the extractor answered"):
        extractor(path)


@pytest.mark.parametrize(
    "sidecar",
    [{"meen": [0, 0, 0]}, {"mean": 3}, {"std": [1, 0, 1]}, {"mean": [1, 2]}, [1], "text"],
)
def test_a_wrong_file_beside_is_told(tmp_path: Path, sidecar: dict[str, object]) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, 32, 32])
    with pytest.raises(VisionError, match=r"m\.onnx\.json"):
        extractor(path, sidecar)


def test_missing_and_damaged_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(VisionError, match="no such file"):
        extractor(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(VisionError, match="not a usable ONNX model"):
        extractor(tmp_path / "bad.onnx")


def test_an_unknown_extractor_is_told() -> None:
    with pytest.raises(VisionError, match="'resnet' is unknown"):
        load_extractor(VisionSettings(extractor="resnet"))
