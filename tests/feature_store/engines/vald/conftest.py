"""A cluster, and the regions that are to come into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from feature_store.bundle import Bundle
from feature_store.engines.regions import BundleRegions
from tests.feature_store.engines.vald.fake_vald import FakeVald


@pytest.fixture
def vald(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVald]:
    monkeypatch.setenv("no_proxy", "*")
    with FakeVald() as running:
        yield running


@pytest.fixture
def regions(odd_bundle: Bundle) -> BundleRegions:
    return BundleRegions(odd_bundle)
