"""A shop of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.feature_store.upgrade.gallery import Gallery


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    return Gallery(tmp_path)
