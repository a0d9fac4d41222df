"""The two gates: a batch before it enters the store, an index before it is published.

In the order in which a gate uses them: `settings` (what is still good enough), `frames` (a batch as
flat columns of numbers), `rules` (expectations, and what to tell a person), `batch_rules` and
`batch`, `intervals` (what a sample says of the whole), `index_gate` (the thresholds of
`index_gate.toml`), `index_metrics` and `index` (the two gates), `report` (what a gate found).

Importing this package imports neither Great Expectations nor pandas.
"""

from feature_store.quality.batch import Expected, Planned, check_batch
from feature_store.quality.index import check_index
from feature_store.quality.report import Check, GateReport
from feature_store.quality.settings import QualitySettings

__all__ = [
    "Check",
    "Expected",
    "GateReport",
    "Planned",
    "QualitySettings",
    "check_batch",
    "check_index",
]
