"""A folder of models as a bundle carries them, small enough to be worked out on paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from feature_store.photo.detect import Network, Sieve
from feature_store.photo.models import (
    FOLDER,
    LIST,
    CarriedDetector,
    CarriedExtractor,
    CarriedModels,
)

SIDE_PX = 64
SIEVE = Sieve(confidence=0.25, best_confidence=0.05, iou=0.6, max_products=8, min_product_share=0)
SMALL, LARGE = (0.1, 0.1, 0.4, 0.4), (0.25, 0.25, 0.95, 0.95)
"""The products that `write_detector` finds in every square photo; the small one is the surer."""


def write_detector(path: Path) -> None:
    """A network that finds SMALL (0.9) and LARGE (0.6) wherever it looks."""
    rows = []
    for (x0, y0, x1, y1), score in ((SMALL, 0.9), (LARGE, 0.6)):
        centre = [(x0 + x1) / 2 * SIDE_PX, (y0 + y1) / 2 * SIDE_PX]
        rows.append([*centre, (x1 - x0) * SIDE_PX, (y1 - y0) * SIDE_PX, score])
    answer = np.array(rows, np.float32).T[None]
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "answer"], ["boxes"]),
    ]
    weights = {"nothing": np.zeros(1, np.float32), "answer": answer}
    _save(path, nodes, weights, [1, 3, SIDE_PX, SIDE_PX], ("boxes", [1, 5, 2]))


def write_extractor(path: Path, dim: int, *, seed: int = 0, scale: float = 1.0) -> None:
    """A network whose vector is the mean colour (0..1) times a random matrix, times `scale`."""
    matrix = scale * np.random.default_rng(seed).normal(size=(3, dim)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["vector"]),
    ]
    _save(path, nodes, {"matrix": matrix}, ["n", 3, 32, 32], ("vector", ["n", dim]))
    plain = {"scale": 1 / 255, "mean": [0, 0, 0], "std": [1, 1, 1]}
    path.with_name(f"{path.name}.json").write_text(json.dumps(plain))


def carry(
    bundle: Path, parts: Sequence[tuple[str, int]], *, detector: bool = True
) -> CarriedModels:
    """Write into a bundle's folder small extractors of these identities and lengths."""
    folder = bundle / FOLDER
    folder.mkdir(parents=True)
    write_detector(folder / "detector.onnx")
    extractors = []
    for number, (identity, dim) in enumerate(parts):
        name = f"extractor-{number}.onnx"
        write_extractor(folder / name, dim, seed=number, scale=1.0 + 9 * number)
        extractors.append(CarriedExtractor(name, identity, dim, 32))
    network = Network("boxes@000000000000", SIDE_PX, ("product",), SIEVE)
    found = CarriedDetector("detector.onnx", network) if detector else None
    models = CarriedModels(1024, found, tuple(extractors))
    (folder / LIST).write_text(models.to_json())
    return models


def _save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
    takes: Sequence[int | str],
    gives: tuple[str, Sequence[int | str]],
) -> None:
    name, shape = gives
    graph = helper.make_graph(
        list(nodes),
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, list(takes))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))],
        [numpy_helper.from_array(values, key) for key, values in weights.items()],
    )
    # Opset 13 keeps a reduction's axes among its attributes, and every runtime reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
