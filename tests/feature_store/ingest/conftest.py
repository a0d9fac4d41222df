"""A shop and the settings that read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feature_store.ingest.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
