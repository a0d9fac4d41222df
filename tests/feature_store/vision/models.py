"""Small ONNX models written by hand, whose answers can be worked out on paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import TensorProto, helper

FLOAT = TensorProto.FLOAT


def write_model(
    path: Path,
    nodes: Sequence[tuple[str, str]],
    shape: Sequence[int | str],
    *,
    dtype: int = FLOAT,
    rank: int = 4,
) -> Path:
    """Chain operators (name, attributes in words) from the input `pixels` to `vector`."""
    names = ["pixels", *(f"step{i}" for i in range(len(nodes) - 1)), "vector"]
    chain = [
        helper.make_node(operator, [names[i]], [names[i + 1]], **_attributes(words))
        for i, (operator, words) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        chain,
        "by hand",
        [helper.make_tensor_value_info("pixels", dtype, list(shape))],
        [helper.make_tensor_value_info("vector", FLOAT, [None] * rank)],
    )
    # Opset 13 keeps a reduction's axes among its attributes, and every runtime reads it.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def _attributes(words: str) -> dict[str, object]:
    attributes: dict[str, object] = {}
    for word in words.split():
        key, _, value = word.partition("=")
        attributes[key] = [int(v) for v in value.split(",")] if "," in value else int(value)
    return attributes
