"""The extractor that runs any image model in ONNX, on CPU or CUDA."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.errors import VisionError
from feature_store.photo.crops import squash
from feature_store.photo.extract import normalise_rows
from feature_store.photo.onnx_session import OnnxSettings, open_session

PREPROCESSING = "squash-1"
"""Raise this with any change that can move a vector: it is part of the extractor's identity."""


@dataclass(frozen=True)
class Preprocessing:
    """How pixels become a model's input: (pixel * scale - mean) / std.

    Read from `<model>.onnx.json`; without such a file, what models trained on ImageNet expect.
    """

    scale: float = 1 / 255
    """Multiplies pixels of 0..255."""

    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """Subtracted from each of red, green and blue after scaling."""

    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    """Divides each of red, green and blue after that."""

    size_px: int = 0
    """Side of the square crop, for a model that takes any; 0 leaves it to the settings."""

    @classmethod
    def beside(cls, model: Path) -> Preprocessing:
        """Read the file beside the model; VisionError if it is not what it should be."""
        path = model.with_name(f"{model.name}.json")
        if not path.is_file():
            return cls()
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            mean, std = values.pop("mean", cls.mean), values.pop("std", cls.std)
            found = cls(mean=tuple(map(float, mean)), std=tuple(map(float, std)), **values)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise VisionError(
                f"{str(path)!r} must be a JSON object with any of scale, mean, std, size_px: "
                f"{error}"
            ) from error
        if len(found.mean) != 3 or len(found.std) != 3 or 0.0 in found.std:
            raise VisionError(f"{str(path)!r}: mean and std take three numbers, std none of them 0")
        return found

    def digest_text(self) -> str:
        """What of it goes into the extractor's identity."""
        return f"{PREPROCESSING}:{self.scale}:{self.mean}:{self.std}"


class OnnxExtractor:
    """An Extractor around one ONNX model with one image input.

    The first output is the vector: (n, d), or a map (n, d, h, w), which is averaged.
    """

    def __init__(self, settings: OnnxSettings) -> None:
        """Open the model that the settings name; VisionError if it is not one of images."""
        path = settings.model
        self._settings = settings
        self._session = open_session(settings)
        self._preprocessing = Preprocessing.beside(path)
        self._input = self._session.get_inputs()[0]
        self._channels_first = _channels_first(self._input.shape, path)
        self._side_px = _side_px(self._input.shape, path, self._preprocessing, settings)
        self.dim = int(self._describe([np.zeros((1, 1, 3), np.uint8)]).shape[1])
        self.identity = _identity(path, self._preprocessing, self._side_px, settings)

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Describe uint8 (H, W, 3) RGB crops of any size: float32 (n, dim), rows of norm 1.

        A row that cannot be is all NaN. Memory is bounded by one batch.
        """
        vectors = np.empty((len(crops), self.dim), np.float32)
        fixed = self._input.shape[0]
        step = fixed if isinstance(fixed, int) else self._settings.batch
        for start in range(0, len(crops), step):
            batch = crops[start : start + step]
            vectors[start : start + len(batch)] = self._describe(batch)
        return normalise_rows(vectors)

    def _describe(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        pixels = np.stack([squash(crop, self._side_px) for crop in crops])
        if isinstance(fixed := self._input.shape[0], int):  # a model of a fixed batch: fill it up
            pixels = np.resize(pixels, (fixed, *pixels.shape[1:]))
        try:
            answer = self._session.run(None, {self._input.name: self._prepare(pixels)})[0]
        except Exception as error:  # the runtime has its own, private, errors
            raise VisionError(f"the extractor failed on a batch: {error}") from error
        return _pooled(np.asarray(answer))[: len(crops)]

    def _prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        if self._input.type == "tensor(uint8)":
            prepared: npt.NDArray[Any] = pixels
        else:
            wanted = np.float16 if self._input.type == "tensor(float16)" else np.float32
            how = self._preprocessing
            scaled = pixels * np.float32(how.scale) - np.array(how.mean, np.float32)
            prepared = (scaled / np.array(how.std, np.float32)).astype(wanted)
        if self._channels_first:
            prepared = prepared.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(prepared)


def look_at(settings: OnnxSettings) -> tuple[str, int | None]:
    """Tell the identity of an ONNX model, and its `dim` if the model tells it, running nothing.

    VisionError if it is not a model of images.
    """
    path = settings.model
    session = open_session(replace(settings, device="cpu"), optimised=False)
    preprocessing = Preprocessing.beside(path)
    side_px = _side_px(session.get_inputs()[0].shape, path, preprocessing, settings)
    answer = session.get_outputs()[0].shape
    known = len(answer) in (2, 4) and isinstance(answer[1], int) and answer[1] > 0
    return _identity(path, preprocessing, side_px, settings), answer[1] if known else None


def _identity(
    path: Path, preprocessing: Preprocessing, side_px: int, settings: OnnxSettings
) -> str:
    model = path.read_bytes()
    digest = hashlib.sha256(model)
    for name in external_files(model):
        digest.update((path.parent / name).read_bytes())
    digest.update(f"{preprocessing.digest_text()}:{side_px}{settings.digest_text}".encode())
    return f"{path.stem}@{digest.hexdigest()[:12]}"


def external_files(model: bytes) -> list[str]:
    """Name the files beside a model in which it keeps weights, each once, in order.

    They stand in it as TensorProto.external_data, entries of the key "location"
    (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); a length below 2**14 takes two bytes.
    """
    names = set()
    for match in re.finditer(rb"\x0a\x08location\x12([\x80-\xff]?[\x00-\x7f])", model, re.DOTALL):
        length = match[1][0] if len(match[1]) == 1 else match[1][0] - 128 + 128 * match[1][1]
        names.add(model[match.end() : match.end() + length].decode())
    return sorted(names)


def _side_px(
    shape: Sequence[object], path: Path, preprocessing: Preprocessing, settings: OnnxSettings
) -> int:
    sides = shape[2:4] if _channels_first(shape, path) else shape[1:3]
    fixed = {side for side in sides if isinstance(side, int) and side > 0}
    if len(fixed) > 1:
        raise VisionError(f"{str(path)!r} takes {sides} pixels: a square is needed")
    return fixed.pop() if fixed else preprocessing.size_px or settings.crop_px


def _channels_first(shape: Sequence[object], path: Path) -> bool:
    if len(shape) == 4 and shape[1] == 3:
        return True
    if len(shape) == 4 and shape[3] == 3:
        return False
    raise VisionError(
        f"{str(path)!r} takes {list(shape)}: (n, 3, side, side) or (n, side, side, 3) is needed"
    )


def _pooled(answer: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if answer.ndim == 4:
        answer = answer.astype(np.float32).mean(axis=(2, 3))
    if answer.ndim != 2:
        raise VisionError(
            f"the extractor answered {answer.shape}: (n, d) or (n, d, h, w) is needed"
        )
    return answer.astype(np.float32)
