"""The stores that the contract suite runs against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from feature_store.tables import FeatureStore
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.settings import TablesSettings

OpenStore = Callable[[], FeatureStore]
"""Opens the same store, each time as a process of its own would."""


@pytest.fixture(params=["delta", "bigquery"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    if request.param == "delta":
        folder = tmp_path / "a home's store" / "store"
        return lambda: DeltaFeatureStore(folder)
    settings: TablesSettings = request.getfixturevalue("bigquery_tables")
    return lambda: BigQueryFeatureStore(settings, tmp_path / "scratch")


@pytest.fixture
def store(open_again: OpenStore) -> FeatureStore:
    return open_again()
