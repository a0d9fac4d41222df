"""The audit of a snapshot: every image has exactly one row, and no row is without an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from feature_store.errors import StoreError
from feature_store.ingest import audit_snapshot, ingest_partition
from feature_store.schemas import DataInterval
from feature_store.tables import FeatureStore, PartitionBatch
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import make_batch, replaced
from tests.feature_store.ingest.shop import Shop, quick_models

DAY, NEXT = "2026-03-01", "2026-03-02"


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return DeltaFeatureStore(tmp_path / "store")


def good(day: str = DAY, *items: str) -> PartitionBatch:
    return make_batch(day, items or ("a", "b", "c"), images=2)


def test_a_store_that_adds_up_is_counted(store: FeatureStore) -> None:
    store.replace_partition(DAY, good())
    store.replace_partition(NEXT, make_batch(NEXT, ["a"], deleted=["b"], seed=1))
    audit = audit_snapshot(store.snapshot())
    assert (audit.items, audit.images, audit.adds_up) == (2, 3, True)
    audit.raise_if_wrong()


def test_nothing_adds_up_too(store: FeatureStore) -> None:
    assert audit_snapshot(store.snapshot()).adds_up


@pytest.mark.parametrize(
    ("fault", "counts"),
    [("missing", (1, 0, 0)), ("of another address", (1, 0, 1)), ("too many", (0, 0, 1))],
)
def test_what_is_wrong_is_counted_and_named(
    store: FeatureStore, fault: str, counts: tuple[int, int, int]
) -> None:
    batch = good()
    ledger = batch.ledger
    if fault == "missing":
        ledger = pa.concat_tables([ledger.slice(0, 3), ledger.slice(4)])
    elif fault == "of another address":
        ledger = replaced(ledger, "image_uri", 3, "/elsewhere")
    else:
        extra = replaced(ledger.slice(3, 1), "image_index", 0, 7).cast(ledger.schema)
        ledger = pa.concat_tables([ledger, extra])
    store.replace_partition(DAY, replace(batch, ledger=ledger))
    audit = audit_snapshot(store.snapshot())
    assert (audit.missing, audit.doubled, audit.stray) == counts
    with pytest.raises(StoreError, match=r"6 images of 3 live items.*the first of these.*'b'"):
        audit.raise_if_wrong()


def test_a_row_that_is_there_twice_is_noticed() -> None:
    class Doubled:
        """What no store should ever say."""

        def items(self) -> pa.Table:
            return good().items

        def ledger(self) -> pa.Table:
            return pa.concat_tables([good().ledger, good().ledger.slice(2, 1)])

    audit = audit_snapshot(Doubled())  # type: ignore[arg-type]
    assert (audit.missing, audit.doubled, audit.stray, audit.first) == (0, 1, 0, "b")


def test_a_commit_whose_store_does_not_add_up_fails(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stock(3)
    settings = shop.settings(home)
    whole = DeltaFeatureStore.replace_partition

    def loses_a_row(
        store: DeltaFeatureStore, ds: str, batch: PartitionBatch, **more: object
    ) -> object:
        return whole(store, ds, replace(batch, ledger=batch.ledger.slice(1)), **more)  # type: ignore[arg-type]

    monkeypatch.setattr(DeltaFeatureStore, "replace_partition", loses_a_row)
    with pytest.raises(StoreError, match="'item 00'"):
        ingest_partition(DataInterval.day(DAY), settings, models=quick_models())
