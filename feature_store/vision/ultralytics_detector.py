"""The detector that runs any YOLO: our own weights, a `.pt` checkpoint or an `.onnx` export."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from feature_store.errors import VisionError
from feature_store.photo.detect import Detection
from feature_store.photo.letterbox import letterbox
from feature_store.photo.sift import sift
from feature_store.vision.detector_weights import rounded_up
from feature_store.vision.device import choose_compute
from feature_store.vision.identity import name_detector
from feature_store.vision.settings import VisionSettings
from feature_store.vision.ultralytics_weights import open_weights

FALLBACK_IMAGE_PX = 640
"""The size that every official YOLO is trained at: for weights that do not tell their own."""


class UltralyticsDetector:
    """A YOLO driven through ultralytics' AutoBackend, without its predictor.

    The predictor would import torchvision, whose compiled operators are not everywhere loadable;
    the network and ultralytics' own suppression need only torch.
    """

    def __init__(self, settings: VisionSettings, weights: Path | torch.nn.Module) -> None:
        """Load a file (.safetensors, .pt, .onnx) or take a module; VisionError if it cannot be.

        A module answers as ultralytics' `Detect` does and has `names` (label by number).
        """
        self._settings = settings
        self._compute = choose_compute(settings)
        name, digest = _name_and_digest(weights)
        self._backend = open_weights(weights, self._compute)
        task = self._backend.task or getattr(self._backend.model, "task", None)
        if task not in (None, "detect"):
            raise VisionError(
                f"detector weights {name!r} are for the task {task!r}: weights for detection are "
                "needed"
            )
        self.side_px = settings.detector_image_px or _trained_image_px(self._backend)
        """Side of the square that a photo is fitted into."""
        self.identity = name_detector(name, digest, self.side_px, settings)

    @property
    def names(self) -> dict[int, str]:
        """The name of each label."""
        names: dict[int, str] = self._backend.names
        return names

    @property
    def module(self) -> Any:
        """The network itself, a torch module; of an `.onnx` file there is none."""
        return self._backend.model

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Find the products of each photo (uint8 (H, W, 3) RGB), the most confident first.

        Memory is bounded by one batch. VisionError if the model's answer has the wrong shape.
        """
        found: list[list[Detection]] = []
        for start in range(0, len(images), self._settings.detector_batch):
            batch = images[start : start + self._settings.detector_batch]
            squares, placements = letterbox(batch, self.side_px)
            answers = self._forward(squares).cpu().numpy()
            found.extend(
                sift(answer, placement, self._settings.sieve, self._backend.names)
                for answer, placement in zip(answers, placements, strict=True)
            )
        return found

    def _forward(self, squares: npt.NDArray[np.uint8]) -> torch.Tensor:
        pixels = torch.from_numpy(squares).to(self._compute.device).permute(0, 3, 1, 2)
        pixels = pixels.to(torch.float16 if self._backend.fp16 else torch.float32) / 255
        # AutoBackend has halved a CUDA model already: what is left to cast is bfloat16.
        bfloat16 = self._compute.dtype == torch.bfloat16 and self._backend.format == "pt"
        cast = self._compute.autocast() if bfloat16 else contextlib.nullcontext()
        try:
            with torch.inference_mode(), cast:
                answer = self._backend(pixels)
        except Exception as error:  # torch and onnxruntime each have their own, and private ones
            raise VisionError(f"the detector failed on a batch of photos: {error}") from error
        return self._checked(answer, len(squares))

    def _checked(self, answer: Any, batch: int) -> torch.Tensor:
        if isinstance(answer, list | tuple):
            answer = answer[0]
        labels = len(self._backend.names)
        if not isinstance(answer, torch.Tensor):
            raise VisionError(f"the detector answered {type(answer).__name__}: not a tensor")
        end_to_end = answer.ndim == 3 and answer.shape[2] == 6
        usable = end_to_end or (answer.ndim == 3 and answer.shape[1] == 4 + labels)
        if not usable or answer.shape[0] != batch:
            raise VisionError(
                f"the detector answered {tuple(answer.shape)} for {batch} photos: a detection "
                f"model answers (n, boxes, 6) or (n, {4 + labels}, boxes)"
            )
        return answer.float()


def _name_and_digest(weights: Path | torch.nn.Module) -> tuple[str, hashlib._Hash]:
    if isinstance(weights, Path):
        return weights.stem, hashlib.sha256(weights.read_bytes())
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return type(weights).__name__.lower(), digest


def _trained_image_px(backend: Any) -> int:
    """The size that the weights were trained or exported at, rounded up to a multiple of 32."""
    size = getattr(backend, "imgsz", None)  # exports tell it in their metadata
    if size is None:  # our own weights tell it, other checkpoints keep their training's arguments
        arguments = getattr(backend.model, "args", None) or {}
        size = getattr(backend.model, "image_size", None) or arguments.get("imgsz")
    if isinstance(size, list | tuple):
        size = max(size, default=None)
    return rounded_up(int(size)) if size else FALLBACK_IMAGE_PX
