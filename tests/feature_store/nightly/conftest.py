"""A made-up shop, its store, and the settings of a home of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


@pytest.fixture
def settings(tmp_path: Path) -> FakeSettings:
    return FakeSettings(tmp_path)


@pytest.fixture(scope="session")
def store() -> FakeStore:
    """54 items: small enough to be compared exactly."""
    return FakeStore(make_shop(54))


@pytest.fixture(scope="session")
def large_store() -> FakeStore:
    """500 items, about 1,000 regions: large enough for a graph."""
    return FakeStore(make_shop(500, copies=40))
