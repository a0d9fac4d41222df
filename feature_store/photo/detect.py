"""What a detector answers, and the detector that finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from feature_store.schemas import Box


class Detection(NamedTuple):
    """One product seen in a photo: its box, the confidence (0..1), the detector's label."""

    box: Box
    confidence: float
    label: str


@dataclass(frozen=True)
class Sieve:
    """Which boxes of a network are kept; the vision settings say what each of these is for."""

    confidence: float
    best_confidence: float
    iou: float
    max_products: int
    min_product_share: float


@dataclass(frozen=True)
class Network:
    """What a detection network does not say of itself."""

    identity: str
    """'name@digest'."""

    side_px: int
    """Side of the square that a photo is fitted into."""

    labels: tuple[str, ...]
    """The name of each label."""

    sieve: Sieve
    """Which of its boxes are kept."""


class Detector(Protocol):
    """Finds the products in photos."""

    @property
    def identity(self) -> str:
        """'name@digest': the same weights, thresholds and preprocessing have the same identity."""

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Find the products of each photo (uint8 (H, W, 3) RGB), the most confident first."""


class WholeImageDetector:
    """Finds no products, so that each photo is one region: itself."""

    identity = "none@000000000000"

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[list[Detection]]:
        """Answer an empty list for every photo."""
        return [[] for _ in images]
