"""The index gate: nothing is published that lost items or misses what exact search finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from feature_store.quality.report import GateReport
from feature_store.quality.rules import Rule, between, hold_against, shown, total
from feature_store.quality.settings import QualitySettings


@dataclass(frozen=True)
class IndexMeasurements:
    """What was measured on a candidate, with the code that will serve it.

    `snapshot_regions` and `indexed_regions` count what should be and what is in the index;
    `live_items` counts the snapshot's items with an indexed image, `missing_items` names those of
    them that the index lacks; `self_retrieval` is the share of `queries` sampled vectors that were
    found first or at a tied score when asked for, `recall_at_10` the share of their ten true
    nearest neighbours that were found.
    """

    snapshot_regions: int
    indexed_regions: int
    live_items: int
    missing_items: Sequence[str]
    self_retrieval: float
    recall_at_10: float
    queries: int


def check_index(measurements: IndexMeasurements, settings: QualitySettings) -> GateReport:
    """Hold measurements of an index against the settings, with Great Expectations."""
    import pandas as pd

    totals = {
        "snapshot_regions": measurements.snapshot_regions,
        "indexed_regions": measurements.indexed_regions,
        "difference": measurements.indexed_regions - measurements.snapshot_regions,
        "live_items": measurements.live_items,
        "missing": len(measurements.missing_items),
        "examples": shown(list(measurements.missing_items)),
        "queries": measurements.queries,
        "self_retrieval": measurements.self_retrieval,
        "recall_at_10": measurements.recall_at_10,
    }
    checks = hold_against(_rules(settings), {"totals": pd.DataFrame([totals])})
    return GateReport("index", checks)


def _rules(settings: QualitySettings) -> list[Rule]:
    return [
        total(
            "regions counted",
            between("difference", 0, 0),
            "as many regions as the snapshot",
            "the index holds {indexed_regions} regions, the snapshot {snapshot_regions}",
            "Vectors were dropped or doubled: build the index again, and look for zero vectors.",
        ),
        total(
            "items present",
            between("missing", 0, 0),
            "every live item with an indexed image",
            "{missing} of {live_items} live items are not in the index: {examples}",
            "Build the index again from the current snapshot. If its extractor has not described "
            "them, as after a change of its weights or settings, 'nitamono models' says so, and "
            "'nitamono models upgrade' describes them.",
        ),
        total(
            "queries asked",
            between("queries", 1),
            "at least one query",
            "{queries} queries were asked",
            "An empty snapshot cannot be published: ingest a catalogue first.",
        ),
        total(
            "self retrieval",
            between("self_retrieval", settings.min_self_retrieval),
            f"at least {settings.min_self_retrieval:g}",
            "{self_retrieval:.4f} of {queries} vectors were found when asked for themselves",
            "The vectors and their numbers are out of step, or the search is too shallow: build "
            "the index again with a larger epsilon.",
        ),
        total(
            "recall at 10",
            between("recall_at_10", settings.min_recall_at_10),
            f"at least {settings.min_recall_at_10:g}",
            "{recall_at_10:.4f} of the ten true nearest neighbours were found over {queries} "
            "queries",
            "Raise the index's epsilon, edges or candidates, or lower "
            "NITAMONO_QUALITY_MIN_RECALL_AT_10 if that is good enough.",
        ),
    ]
