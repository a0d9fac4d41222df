"""Days of a small shop, at times that a test chooses."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from feature_store.ingest import ingest_partition
from feature_store.ingest.models import Models
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from feature_store.tables import Commit, open_store
from tests.feature_store.ingest.shop import BoxDetector, ColourExtractor

FIRST = dt.datetime(2026, 3, 2, 1, tzinfo=dt.UTC)


def name(day: int) -> str:
    """The day of March 2026."""
    return f"2026-03-{day:02d}"


class Run:
    """One day's ingest with models of its own, an hour after the day's end or `at` another time."""

    def __init__(self, settings: Settings, day: int, at: dt.datetime | None = None) -> None:
        detector, extractor = BoxDetector(), ColourExtractor()
        now = at or FIRST + dt.timedelta(days=day - 1)
        self.commit: Commit = ingest_partition(
            DataInterval.day(name(day)), settings, models=Models(detector, extractor), now=now
        )
        self.seen = (detector.seen, extractor.seen)


def ledger(settings: Settings) -> dict[str, dict[str, object]]:
    """The live ledger's rows by item, of items with one image each."""
    rows = open_store(settings).snapshot().ledger().to_pylist()
    return {row["item_id"]: row for row in rows}


def partition(settings: Settings, day: int) -> pa.Table:
    """The ledger's rows of one day."""
    return open_store(settings).partition(name(day))[0].ledger
