"""What the index stage can be told: parts, segments, sizes, and how good a search must be."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.errors import SettingsError

STORED = ("float32", "float16", "int8")
"""What the exact comparison may read its vectors as."""

MOST_WEIGHT = 1e9
"""An extractor's weight is below this, so that those of all can be added up."""


@dataclass(frozen=True)
class IndexSettings:
    """Settings of the index and of its tuning; SettingsError for a value out of range."""

    extractor: str = ""
    """Identity of the extractor whose features are indexed; empty takes the one that answers, which
    'nitamono models' shows."""

    weights: tuple[str, ...] = ()
    """Several extractors whose features are indexed together, each with its weight: name=0.7, or
    identity=0.7; empty takes one extractor alone."""

    segment_by: str = ""
    """Attribute of the catalogue, such as segment, each of whose values gets an index of its own,
    built as a task of its own; empty builds one index of everything."""

    attribution_voters: int = 10
    """Look-alikes that vote, by their category, which region of a photo shows its item; 0 takes
    the most prominent product."""

    reduced_dim: int = 0
    """Dimensions of the vectors in the graph, fewer where vectors or segment are small; 0 chooses
    those that promise the fastest search at the target recall."""

    stored: str = "float32"
    """How the vectors lie in the bundle that rank the candidates exactly: float32, float16 (half
    the room) or int8 (a quarter)."""

    centring_prior: float = 10.0
    """The mean is shrunk by n / (n + this), so that a mean of a handful of vectors counts for
    little and no vector can become zero by centring."""

    min_graph_vectors: int = 200
    """Below so many distinct vectors a segment has no graph: comparing all is exact and as fast."""

    edges: int = 40
    """Edges for each vector in the first graph (ANNG). With 100, as NGT has it, a search takes up
    to twice as long, and the graph several times as long to make."""

    outgoing_edges: int = 10
    """Outgoing edges kept for each vector in the final graph (ONNG)."""

    incoming_edges: int = 30
    """Incoming edges kept for each vector in the final graph (ONNG)."""

    epsilons: tuple[float, ...] = (
        *(-0.1, -0.07, -0.05, -0.035, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.065),
        *(0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5),
    )
    """How much farther than the best so far the search may wander, or how much less far: the
    values that tuning may choose, ascending."""

    candidates: tuple[int, ...] = (15, 20, 30, 40, 50, 60, 75, 100, 150, 200, 400)
    """How many vectors of the graph are compared exactly with the query: the values that tuning
    may choose, ascending."""

    target_recall: float = 0.99
    """The recall@10 against exact search that tuning must reach on the full vectors (0..1)."""

    tuning_margin: float = 0.005
    """Tuning aims this much higher, because the gate asks other queries than it did."""

    latency_budget_ms: float = 0.0
    """If above 0, tuning takes the best recall that one thread answers within so many milliseconds
    (mean), instead of the fastest search of the target recall."""

    serving_memory_mb: int = 0
    """If above 0, the graphs and stored vectors of a bundle may take so many megabytes: fewer
    dimensions are chosen where more would not fit."""

    memory_budget_mb: int = 0
    """Megabytes that a build may take; one that is forecast to need more does not begin. 0 stands
    for what is free."""

    photo_models: bool = True
    """Whether bundles carry the detector and the extractor as ONNX (30 MB), so that the lookup
    service can be asked with a photo."""

    neighbours: int = 100
    """Look-alike items stored for each region."""

    sample_size: int = 1000
    """Regions of each segment that are asked for in tuning; index_gate.toml says how many the gate
    asks for. Of much fewer, what tuning finds good enough may be refused by the gate."""

    threads: int = 2
    """Threads that build a graph."""

    seed: int = 20
    """Seed of every random sample."""

    keep_bundles: int = 7
    """Newest proven bundles that are kept; the live one and its predecessor always are."""

    def __post_init__(self) -> None:
        """Check every range."""
        for name in ("edges", "outgoing_edges", "incoming_edges", "neighbours", "sample_size"):
            self._at_least(name, 1)
        for name in ("min_graph_vectors", "keep_bundles", "threads"):
            self._at_least(name, 1)
        for name in ("reduced_dim", "memory_budget_mb", "serving_memory_mb"):
            self._at_least(name, 0)
        for name in ("epsilons", "candidates"):
            self._ascending(name)
        self._in_range()
        if self.stored not in STORED:
            listed = ", ".join(STORED)
            raise SettingsError(f"index.stored is {self.stored!r}; it must be one of {listed}")
        self.shares()

    def _in_range(self) -> None:
        if min(self.candidates) < 10:
            raise SettingsError("index.candidates must be 10 or more: recall is measured at 10")
        if not 0 < self.target_recall <= 1:
            raise SettingsError(f"index.target_recall is {self.target_recall}; it must be in 0..1")
        if self.centring_prior <= 0:
            raise SettingsError("index.centring_prior must be above 0")
        if self.latency_budget_ms < 0:
            raise SettingsError("index.latency_budget_ms must be 0 or more")

    def shares(self) -> dict[str, float]:
        """Return the weight of each named extractor, in all 1; nothing where `weights` is empty."""
        given: dict[str, float] = {}
        for entry in self.weights:
            name, _, text = entry.rpartition("=")
            try:
                weight = float(text)
            except ValueError:
                weight = 0.0
            if not name or not 0 < weight < MOST_WEIGHT:
                raise SettingsError(
                    f"index.weights holds {entry!r}; write extractor=weight, with a weight "
                    f"above 0 and below {MOST_WEIGHT:g}"
                )
            if name in given:
                raise SettingsError(f"index.weights names {name!r} twice")
            given[name] = weight
        if given and self.extractor:
            raise SettingsError("index.extractor and index.weights cannot both be given")
        total = sum(given.values())
        return {name: weight / total for name, weight in given.items()}

    def _at_least(self, name: str, least: int) -> None:
        if getattr(self, name) < least:
            raise SettingsError(
                f"index.{name} is {getattr(self, name)}; it must be {least} or more"
            )

    def _ascending(self, name: str) -> None:
        values = getattr(self, name)
        if not values or list(values) != sorted(set(values)):
            raise SettingsError(f"index.{name} must be one value or more, ascending")
