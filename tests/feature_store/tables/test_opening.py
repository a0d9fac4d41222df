"""The store that the settings choose is the one that is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from feature_store.tables import open_store
from feature_store.tables.bigquery import BigQueryFeatureStore
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import make_batch

DAY = "2026-03-01"


@dataclass(frozen=True)
class Home:
    home: Path
    tables: TablesSettings = field(default_factory=TablesSettings)


def test_delta_is_the_default_and_lies_under_home(tmp_path: Path) -> None:
    store = open_store(Home(tmp_path))
    assert isinstance(store, DeltaFeatureStore)
    store.replace_partition(DAY, make_batch(DAY, ["a"]))
    assert (tmp_path / "store" / "commits").is_dir()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_delta_lies_where_the_settings_say(tmp_path: Path, scheme: str) -> None:
    settings = Home(tmp_path / "home", TablesSettings(location=f"{scheme}{tmp_path}/elsewhere"))
    open_store(settings).replace_partition(DAY, make_batch(DAY, ["a"]))
    assert (tmp_path / "elsewhere" / "commits").is_dir()
    assert len(open_store(settings).commits()) == 1
    assert not (tmp_path / "home").exists()


def test_bigquery_is_chosen_by_name(tmp_path: Path, bigquery_tables: TablesSettings) -> None:
    settings = Home(tmp_path, bigquery_tables)
    store = open_store(settings)
    assert isinstance(store, BigQueryFeatureStore)
    commit = store.replace_partition(DAY, make_batch(DAY, ["a"]))
    assert open_store(settings).commits() == [commit]
    assert not (tmp_path / "store").exists()
