"""What the index stage can be told: sizes, the graph's edges, and how good a search must be."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError


@dataclass(frozen=True)
class IndexSettings:
    """Settings of the index and of its tuning; SettingsError for a value out of range."""

    extractor: str = ""
    """Identity of the extractor whose features are indexed; empty takes the one that answers, which
    'nitamono models' shows."""

    attribution_voters: int = 10
    """Look-alikes that vote, by their category, which region of a photo shows its item; 0 takes
    the most prominent product."""

    reduced_dim: int = 128
    """Dimensions of the vectors in the graph; fewer where vectors or catalogue are small."""

    centring_prior: float = 10.0
    """The mean is shrunk by n / (n + this), so that a mean of a handful of vectors counts for
    little and no vector can become zero by centring."""

    min_graph_vectors: int = 200
    """Below so many distinct vectors there is no graph: comparing all is exact and as fast."""

    edges: int = 100
    """Edges for each vector in the first graph (ANNG)."""

    outgoing_edges: int = 10
    """Outgoing edges kept for each vector in the final graph (ONNG)."""

    incoming_edges: int = 120
    """Incoming edges kept for each vector in the final graph (ONNG)."""

    epsilons: tuple[float, ...] = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
    """How much farther than the best so far the search may wander, tried in this order."""

    candidates: tuple[int, ...] = (30, 50, 100, 200, 400)
    """How many vectors of the graph are compared exactly with the query, tried in this order."""

    target_recall: float = 0.99
    """The recall@10 against exact search that tuning must reach on the full vectors (0..1)."""

    tuning_margin: float = 0.005
    """Tuning aims this much higher, because the gate asks other queries than it did."""

    neighbours: int = 100
    """Look-alike items stored for each region."""

    sample_size: int = 1000
    """Regions asked for in tuning, and as many others in measuring."""

    threads: int = 2
    """Threads that build the graph."""

    seed: int = 20
    """Seed of every random sample."""

    keep_bundles: int = 7
    """Newest proven bundles that are kept; the live one and its predecessor always are."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("reduced_dim", "edges", "outgoing_edges", "incoming_edges", "neighbours"):
            self._at_least_one(name)
        for name in ("sample_size", "threads", "keep_bundles", "min_graph_vectors"):
            self._at_least_one(name)
        if not (self.epsilons and self.candidates):
            raise SettingsError("index.epsilons and index.candidates need at least one value each")
        if min(self.candidates) < 10:
            raise SettingsError("index.candidates must be 10 or more: recall is measured at 10")
        if not 0 < self.target_recall <= 1:
            raise SettingsError(f"index.target_recall is {self.target_recall}; it must be in 0..1")
        if self.centring_prior <= 0:
            raise SettingsError("index.centring_prior must be above 0")

    def _at_least_one(self, name: str) -> None:
        if getattr(self, name) < 1:
            raise SettingsError(f"index.{name} is {getattr(self, name)}; it must be 1 or more")
