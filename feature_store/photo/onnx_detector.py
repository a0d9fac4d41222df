"""The Detector that runs a detection network in ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.errors import VisionError
from feature_store.photo.detect import Detection, Network
from feature_store.photo.letterbox import letterbox
from feature_store.photo.onnx_session import OnnxSettings, open_session
from feature_store.photo.sift import sift


class OnnxDetector:
    """A Detector around a network of one input, (n, 3, side, side) RGB in 0..1.

    Its first output is what `sift` reads.
    """

    def __init__(self, settings: OnnxSettings, network: Network) -> None:
        """Open the model; VisionError if it does not take one square photo."""
        self.identity = network.identity
        self._network = network
        self._labels = dict(enumerate(network.labels))
        self._session = open_session(settings)
        self._input = self._session.get_inputs()[0]
        _require_square(self._input.shape, network.side_px, str(settings.model))

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Find the products of each photo (uint8 (H, W, 3) RGB), the most confident first.

        One photo at a time. VisionError if the network fails or answers another shape.
        """
        found = []
        for image in images:
            squares, (placement,) = letterbox([image], self._network.side_px)
            answer = self._run(squares)
            found.append(sift(answer, placement, self._network.sieve, self._labels))
        return found

    def _run(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        wanted = np.float16 if self._input.type == "tensor(float16)" else np.float32
        pixels = (squares.transpose(0, 3, 1, 2).astype(np.float32) / 255).astype(wanted)
        try:
            answer: Any = self._session.run(None, {self._input.name: pixels})[0]
        except Exception as error:  # the runtime has its own, private, errors
            raise VisionError(f"the detector failed on a photo: {error}") from error
        labels = len(self._labels)
        if answer.ndim != 3 or (answer.shape[2] != 6 and answer.shape[1] != 4 + labels):
            raise VisionError(
                f"the detector answered {answer.shape}: (1, boxes, 6) or (1, {4 + labels}, boxes) "
                "is needed"
            )
        return np.asarray(answer[0], np.float32)


def _require_square(shape: Sequence[object], side_px: int, name: str) -> None:
    wanted = (1, 3, side_px, side_px)
    fits = len(shape) == 4 and all(
        not isinstance(size, int) or size == want for size, want in zip(shape, wanted, strict=True)
    )
    if not fits:
        raise VisionError(f"{name!r} takes {list(shape)}: {list(wanted)} is needed")
