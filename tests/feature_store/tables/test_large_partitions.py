"""Partitions of many row groups and files: the order, the vectors, and what is read of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

from feature_store.errors import StoreError
from feature_store.tables import delta_table, spool
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.known import KnownFeatures
from feature_store.tables.store import VECTORS
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch

DAY, NEXT = "2026-03-01", "2026-03-02"
ITEMS = [f"{n * 7919 % 1000:03d}" for n in range(400)]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeltaFeatureStore:
    """A store whose row groups hold 32 rows and whose files hold 100."""
    monkeypatch.setattr(delta_table, "ROW_GROUP_ROWS", 32)

    def in_pieces(table: DeltaTable, rows: pa.Table, **options: Any) -> None:
        write_deltalake(table, rows.slice(0, 100), **options)
        for start in range(100, rows.num_rows, 100):
            write_deltalake(
                table,
                rows.slice(start, 100),
                mode="append",
                writer_properties=options["writer_properties"],
            )

    monkeypatch.setattr(delta_table, "write_deltalake", in_pieces)
    store = DeltaFeatureStore(tmp_path)
    store.replace_partition(DAY, make_batch(DAY, ITEMS))
    store.replace_partition(NEXT, make_batch(NEXT, ITEMS[:100], deleted=ITEMS[100:110], seed=1))
    return store


def test_every_vector_keeps_its_region_in_the_promised_order(
    store: DeltaFeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BATCH_ROWS", 50)
    assert len(DeltaTable(tmp_path / "features").file_uris()) > 4
    batches = list(store.snapshot().features(EXTRACTOR))
    assert {batch.num_rows for batch in batches} <= {50, 780 % 50}
    rows = pa.Table.from_batches(batches).to_pylist()
    live = sorted([*ITEMS[:100], *ITEMS[110:]])
    assert [row["item_id"] for row in rows] == [item for item in live for _ in range(2)]
    for row in rows:
        expected = np.random.default_rng(int(row["region_id"], 16)).standard_normal(4)
        expected /= np.linalg.norm(expected)
        assert np.allclose(row["vector"], expected, atol=1e-6)


def test_a_full_disk_is_an_error_of_the_store(
    store: DeltaFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StoreError, match=r"cannot be put in order on disk: .*No space left"):
        list(store.snapshot().features(EXTRACTOR))


def test_vectors_are_written_to_their_rows_whatever_the_system_writes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, read = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, data[:7], at))
    monkeypatch.setattr(os, "preadv", lambda fd, into, at: read(fd, [into[0][:11]], at))
    vectors = np.arange(60, dtype=np.float32).reshape(20, 3)
    place = np.random.default_rng(1).permutation(20)
    with (tmp_path / "spool").open("w+b", buffering=0) as file:
        spooled = spool.Spool(file.fileno(), 3)
        spooled.fill(place, iter([vectors[:8], vectors[:0], vectors[8:]]))
        assert np.array_equal(spooled.read(0, 20)[place], vectors)
        assert np.array_equal(spooled.read(5, 3), spooled.read(0, 20)[5:8])
        with pytest.raises(StoreError, match="end too early"):
            spooled.read(19, 2)


def test_vectors_that_do_not_come_are_missed(tmp_path: Path) -> None:
    with (tmp_path / "spool").open("w+b", buffering=0) as file:
        short = spool.Spool(file.fileno(), 3)
        with pytest.raises(StoreError, match="20 features were found, but 8 vectors read"):
            short.fill(np.arange(20), iter([np.zeros((8, 3), np.float32)]))


def test_known_reads_only_the_row_groups_that_hold_an_answer(
    store: DeltaFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = KnownFeatures._read

    def counted(
        known: KnownFeatures, numbers: list[int], schema: pa.Schema, only: pc.Expression
    ) -> pa.Table:
        if schema.equals(VECTORS):
            read.extend(numbers)
        return whole(known, numbers, schema, only)

    monkeypatch.setattr(KnownFeatures, "_read", counted)
    wanted = [image_id(ITEMS[5], 0, 1), image_id(ITEMS[300], 0, 0)]
    known = store.known(wanted, DETECTOR, [EXTRACTOR])
    assert known.regions.num_rows == known.vectors.num_rows == 4
    assert 2 <= len(read) <= 4
    read.clear()
    assert store.known(["0" * 64], DETECTOR, [EXTRACTOR]).vectors.num_rows == 0
    assert read == []
