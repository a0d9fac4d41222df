"""What an extractor answers, and how its vectors are normalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Extractor(Protocol):
    """Describes crops by vectors: crops that look alike get vectors of a high cosine."""

    @property
    def identity(self) -> str:
        """'name@digest': the same weights and preprocessing have the same identity."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def extract(self, crops: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
        """Describe uint8 (H, W, 3) RGB crops of any size: float32 (n, dim), rows of norm 1.

        A row that cannot be (an answer of zeros, or not finite) is all NaN.
        """


def normalise_rows(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale the rows of (n, dim) to an L2 norm of 1; rows of zeros or not finite become NaN."""
    wide = vectors.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        norms = np.linalg.norm(wide, axis=1, keepdims=True)
        usable = np.isfinite(norms) & (norms > 1e-12)
        return np.where(usable, wide / np.where(usable, norms, 1.0), np.nan).astype(np.float32)
