"""A Vald cluster that an export has fed, as an engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from feature_store.engines.neighbours import ALL, Floats, Only, answers, check_question
from feature_store.engines.vald.cluster import Cluster
from feature_store.engines.vald.names import parted
from feature_store.errors import EngineError, SettingsError

COSINES: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda distance: 1 - distance,
    "l2": lambda distance: 1 - distance * distance / 2,
    "angle": math.cos,
}
"""The cosine of two unit vectors by their distance, for the `distance_type` of a cluster's agents
(`normalizedcosine` measures as `cosine` does, and so on)."""


class ValdEngine:
    """An `Engine` that asks a cluster; its answers are as good as the cluster's own index."""

    def __init__(self, cluster: Cluster, dim: int, distance: str = "cosine") -> None:
        """Take the cluster, the length of its vectors, and the distance its agents measure."""
        if distance not in COSINES:
            raise SettingsError(f"distance is {distance!r}; write one of {tuple(COSINES)}")
        self._cluster = cluster
        self._dim = dim
        self._cosine = COSINES[distance]

    def count(self) -> int:
        """Return how many vectors are indexed; each copy that the cluster keeps is counted."""
        return self._cluster.count()

    def nearest(self, vectors: Floats, k: int, only: Only = ALL) -> pa.Table:
        """Return the k nearest regions (NEIGHBOURS) of centred unit vectors; see `Engine`.

        ValueError for any `only`: a cluster knows nothing of items.
        """
        if only != ALL:
            raise ValueError("Vald knows neither stock nor segments; filter what it answers")
        query, items, regions, cosines = [], [], [], []
        for number, vector in enumerate(check_question(vectors, k, self._dim)):
            for name, distance in self._cluster.search(vector, k):
                found = parted(name)
                if found is None:
                    raise EngineError(f"the cluster answers {name[:100]!r}, which is no region")
                query.append(number)
                items.append(found[0])
                regions.append(found[1])
                cosines.append(self._cosine(distance))
        return answers(
            np.array(query, np.int64),
            pa.array(items, pa.string()),
            pa.array(regions, pa.string()),
            np.array(cosines, np.float32),
        )
