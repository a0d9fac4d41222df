"""The stores that the contract suite runs against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from feature_store.tables import FeatureStore
from feature_store.tables.delta import DeltaFeatureStore

OpenStore = Callable[[], FeatureStore]
"""Opens the same store, each time as a process of its own would."""


@pytest.fixture(params=["delta"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    folder = tmp_path / "a home's store" / "store"
    stores: dict[str, OpenStore] = {"delta": lambda: DeltaFeatureStore(folder)}
    return stores[request.param]


@pytest.fixture
def store(open_again: OpenStore) -> FeatureStore:
    return open_again()
