"""Engines past one machine: who else can say which regions are nearest, and how they come there.

`neighbours` (what an engine answers, and how two of them agree), `regions` (what a bundle hands to
an engine), `exact` (all compared, on this machine), `bigquery` (VECTOR_SEARCH over the store's own
features), `vald` (a Vald cluster, and the export that feeds it).

Every engine compares the same vectors as a bundle's own search: centred by that bundle's mean and
of unit length, as `Projection.centre` makes them. Questions to an engine are centred likewise.
"""

from feature_store.engines.exact import ExactEngine
from feature_store.engines.neighbours import ALL, NEIGHBOURS, Engine, Only, recall

__all__ = ["ALL", "NEIGHBOURS", "Engine", "ExactEngine", "Only", "recall"]
