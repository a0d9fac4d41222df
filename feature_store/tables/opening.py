"""Where the store that the settings choose is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from feature_store.tables.settings import TablesSettings
from feature_store.tables.store import FeatureStore


class HasTables(Protocol):
    """Settings that know where all state lives, and which store holds the features."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def tables(self) -> TablesSettings:
        """Which store, and where."""


def open_store(settings: HasTables) -> FeatureStore:
    """Open the store that the settings choose; it is created by its first write."""
    if settings.tables.store == "bigquery":
        from feature_store.tables.bigquery import BigQueryFeatureStore

        return BigQueryFeatureStore(settings.tables, settings.home)
    from feature_store.tables.delta import DeltaFeatureStore

    return DeltaFeatureStore(settings.tables.location or settings.home / "store")
