"""Homes with a live bundle, built once; their tiers are written by the tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.feature_store.fresh.shops import DIM, UNCENTRED, Home
from tests.feature_store.nightly.fake_shop import make_shop


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """30 items, compared exactly; each region stores 12 neighbours."""
    return Home(tmp_path_factory.mktemp("small"), make_shop(30, DIM))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """400 items, enough for a graph."""
    # What the tests ask is no sample that tuning has seen: it must aim higher than they do.
    index = replace(UNCENTRED, target_recall=0.999)
    return Home(tmp_path_factory.mktemp("graph"), make_shop(400, DIM), index)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A small home of one test's own."""
    return Home(tmp_path, make_shop(20, DIM))
