"""Models that know who they are before they are loaded, and are loaded only to answer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from feature_store.errors import VisionError
from feature_store.photo.onnx_extractor import OnnxExtractor
from feature_store.vision.identity import detector_identity, extractor_identity
from feature_store.vision.lazy import LazyDetector, LazyExtractor
from feature_store.vision.models import load_detector, load_extractor
from feature_store.vision.settings import VisionSettings
from tests.feature_store.vision.models import write_model
from tests.feature_store.vision.pictures import product_photo

CPU = VisionSettings(device="cpu", precision="float32")


@pytest.mark.parametrize(
    "changed",
    [{}, {"detector_image_px": 192}, {"iou": 0.5}, {"max_products": 2}, {"best_confidence": 0.2}],
)
def test_a_lazy_detector_is_the_one_it_loads(changed: dict[str, float]) -> None:
    settings = replace(CPU, **changed)  # type: ignore[arg-type]
    lazy = load_detector(settings)
    assert isinstance(lazy, LazyDetector)
    assert lazy.model.identity == lazy.identity == detector_identity(settings)
    photos = [product_photo(1), product_photo(2)]
    assert lazy.detect(photos) == lazy.model.detect(photos)


def test_a_lazy_extractor_is_the_one_it_loads() -> None:
    settings = replace(CPU, crop_px=192)
    for name in ("efficientnet-lite0", "efficientnet-lite2"):
        lazy = load_extractor(settings, name)
        assert isinstance(lazy, LazyExtractor)
        assert lazy.identity == extractor_identity(settings, name)
        assert (lazy.identity, lazy.dim) == (lazy.model.identity, lazy.model.dim)
        vectors = lazy.extract([product_photo(1)])
        np.testing.assert_array_equal(vectors, lazy.model.extract([product_photo(1)]))


def test_several_extractors_come_out_of_one_settings(tmp_path: Path) -> None:
    path = write_model(tmp_path / "mine.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    found = [load_extractor(CPU, name) for name in (None, "efficientnet-lite0", str(path))]
    names = [extractor.identity.split("@")[0] for extractor in found]
    assert names == ["efficientnet-lite2", "efficientnet-lite0", "mine"]
    assert [extractor.dim for extractor in found] == [1632, 1600, 3]
    assert found[2].extract([product_photo(1)]).shape == (1, 3)


def test_identities_dims_and_empty_answers_load_no_network() -> None:
    code = """
import sys
from feature_store.vision.models import load_detector, load_extractor
from feature_store.vision.settings import VisionSettings
detector, extractor = load_detector(VisionSettings()), load_extractor(VisionSettings())
print(detector.identity, extractor.identity, extractor.dim)
print(detector.detect([]), extractor.extract([]).shape)
print([name for name in ("torch", "ultralytics", "onnxruntime", "cv2") if name in sys.modules])
"""
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, check=False, text=True
    )
    assert answer.stderr == ""
    identities, empty, loaded = answer.stdout.splitlines()
    assert identities.startswith("product@")
    assert (empty, loaded) == ("[] (0, 1632)", "[]")


def test_an_onnx_extractor_is_told_apart_without_torch(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.onnx", [("Identity", "")], ["n", 3, "h", "w"])
    code = f"""
import sys
from feature_store.vision.identity import extractor_identity
from feature_store.vision.settings import VisionSettings
print(extractor_identity(VisionSettings(), {str(path)!r}), "torch" in sys.modules)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    real = OnnxExtractor(replace(CPU, extractor=str(path)).onnx)
    assert answer.stdout.split() == [real.identity, "False"]


def with_weights_in_a_file_of_their_own(path: Path, factor: float) -> Path:
    weights = numpy_helper.from_array(np.full((1, 3, 1, 1), factor, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["pixels", "w"], ["vector"])],
        "by hand",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [None] * 4)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(
        model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=0
    )
    return path


def test_weights_in_a_file_of_their_own_are_part_of_the_identity(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    paths = [
        with_weights_in_a_file_of_their_own(tmp_path / "one" / "m.onnx", 1.0),
        with_weights_in_a_file_of_their_own(tmp_path / "two" / "m.onnx", 2.0),
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    one, two = (load_extractor(CPU, str(path)) for path in paths)
    assert one.identity != two.identity
    assert isinstance(one, LazyExtractor)
    assert one.model.identity == one.identity


def test_a_model_replaced_before_it_was_loaded_is_refused(tmp_path: Path) -> None:
    """Its vectors would be stored as those of the former one."""
    path = tmp_path / "m.onnx"
    write_model(path, [("Flatten", "axis=1")], ["n", 3, 32, 32], rank=2)
    extractor = load_extractor(CPU, str(path))
    write_model(path, [("GlobalAveragePool", "")], ["n", 3, 32, 32])
    with pytest.raises(VisionError, match=r"m\.onnx' was m@[0-9a-f]{12} when .* by now"):
        extractor.extract([product_photo(1)])


@pytest.mark.parametrize("model", ["resnet", "nowhere.onnx"])
def test_an_extractor_that_is_not_there_is_told_at_once(model: str) -> None:
    with pytest.raises(VisionError, match=model.partition(".")[0]):
        load_extractor(CPU, model)
    with pytest.raises(VisionError, match=model.partition(".")[0]):
        extractor_identity(CPU, model)


def test_a_model_that_cannot_run_here_says_so_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    extractor = load_extractor(replace(CPU, device="cuda"))
    with pytest.raises(VisionError, match="torch sees no CUDA device"):
        extractor.extract([product_photo(1)])
