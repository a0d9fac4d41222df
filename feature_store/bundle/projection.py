"""Turn feature vectors into the ones that are compared, and those into the graph's short ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """What a bundle learned from its catalogue: its mean and its main directions."""

    mean: Floats
    """float32 (dim,): subtracted from every unit vector before it is compared."""
    components: Floats
    """float32 (dim, reduced_dim): orthonormal columns."""

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        return len(self.mean)

    def centre(self, vectors: Floats) -> Floats:
        """Return the centred unit vectors, float32 (q, dim), of feature vectors (q, dim).

        What all photos of a catalogue have in common says nothing about one of them; without it
        cosines spread. ValueError for a wrong length, a zero or a non-finite vector.
        """
        vectors = np.ascontiguousarray(vectors, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise ValueError(f"feature vectors have {self.dim} numbers, not {vectors.shape[1:]}")
        return _unit(_unit(vectors) - self.mean)

    def reduce(self, centred: Floats) -> Floats:
        """Return the short vectors, float32 (q, reduced_dim), of centred ones."""
        return np.ascontiguousarray(centred @ self.components, np.float32)


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise ValueError("a feature vector must be finite and not zero")
    return np.asarray(vectors / norms, np.float32)
