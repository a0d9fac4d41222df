"""A made-up shop whose labels say something: categories that look different, one of them small."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tests.feature_store.nightly.fake_shop import (
    CATEGORIES,
    EXTRACTOR,
    FakeSnapshot,
    clustered,
    make_shop,
)

ITEMS = 400
SMALL = "lamps"


def shop_of(seed: int = 0) -> FakeSnapshot:
    """A shop of categories that look different, one of them small, with brands of all sizes."""
    shop = make_shop(ITEMS, seed=seed)
    rows = shop.table.to_pylist()
    for number, row in enumerate(rows):
        if row["category"] == SMALL and number % 3:
            row["category"] = "bags"
        row["brand"] = None if number % 9 == 0 else f"brand {int(number**0.5) // 2}"
    shop = replace(shop, table=pa.Table.from_pylist(rows, shop.table.schema))
    category = {row["item_id"]: row["category"] for row in rows}
    looks = {name: clustered(1, 64, 100 + n)[0] for n, name in enumerate(CATEGORIES)}
    shown = shop.described["item_id"].to_pylist()
    vectors = np.array(shop.described["vector"].to_pylist(), np.float32)
    return seen_as(shop, vectors + [looks[category[item_id]] for item_id in shown], EXTRACTOR)


def seen_as(shop: FakeSnapshot, vectors: np.ndarray, extractor: str) -> FakeSnapshot:
    """The shop as an extractor sees it that gives these vectors, (regions, dim), of any length."""
    vectors = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
    named = shop.described.drop_columns(["vector", "extractor"])
    named = named.append_column("vector", pa.array(list(vectors), pa.list_(pa.float32())))
    named = named.append_column("extractor", pa.array([extractor] * len(named)))
    named = named.select(shop.described.column_names).cast(shop.described.schema)
    return replace(shop, described=named)


def without(shop: FakeSnapshot, lost: Sequence[str]) -> FakeSnapshot:
    """The shop as if it had never sold some items."""
    gone = pa.array(lost)

    def kept(table: pa.Table) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table["item_id"], value_set=gone)))

    return FakeSnapshot(kept(shop.table), kept(shop.rows), kept(shop.described))


def with_vectors(shop: FakeSnapshot, extractor: str, noise: float) -> FakeSnapshot:
    """The shop as an extractor sees it that has learned little: noise, and much in common."""
    vectors = np.array(shop.described["vector"].to_pylist(), np.float32)
    random = np.random.default_rng(8)
    vectors = vectors + noise * random.normal(size=vectors.shape) / vectors.shape[1] ** 0.5
    return seen_as(shop, vectors + random.normal(size=vectors.shape[1]), extractor)


@dataclass(frozen=True)
class BrandForgetful(FakeSnapshot):
    """A snapshot that gives no features of one brand's items, though its ledger has them."""

    brand: str = ""

    def features(
        self, extractor: str, items: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        mine = self.table.filter(pc.equal(self.table["brand"], self.brand))["item_id"]
        lost = pc.is_in(self.described["item_id"], value_set=mine.combine_chunks())
        kept = self.described.filter(pc.invert(lost))
        yield from kept.combine_chunks().to_batches(max_chunksize=700)
