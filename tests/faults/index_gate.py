"""Faults of a candidate that the index gate must catch, each by the name of its own check."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.nightly import build_candidate, check_candidate
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.faults import spoiling
from tests.faults.spoiling import Spoil, spoiled
from tests.feature_store.nightly.fake_shop import FakeStore
from tests.feature_store.nightly.labelled_shop import (
    SMALL,
    BrandForgetful,
    shop_of,
    with_vectors,
)

Attempt = Callable[[Settings, random.Random], None]


class Halved:
    """A store whose snapshots have lost every second item."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def snapshot(self, *given: Any, **named: Any) -> Halved:
        return Halved(self._inner.snapshot(*given, **named))

    def items(self) -> pa.Table:
        return self._kept(self._inner.items())

    def ledger(self) -> pa.Table:
        return self._kept(self._inner.ledger())

    def regions(self, extractor: str) -> pa.Table:
        return self._kept(self._inner.regions(extractor))

    def features(self, *given: Any) -> Iterator[pa.RecordBatch]:
        for batch in self._inner.features(*given):
            yield from self._kept(pa.table(batch)).combine_chunks().to_batches()

    def coverage(self, extractor: str) -> Any:
        found = self._inner.coverage(extractor)
        return type(found)(**{**vars(found), "regions": self.regions(extractor).num_rows})

    def _kept(self, table: pa.Table) -> pa.Table:
        ids = self._inner.items()["item_id"].to_pylist()[::2]
        return table.filter(pc.is_in(table["item_id"], pa.array(ids)))


def _built(settings: Settings, store: Any = None, spoil: Spoil | None = None) -> None:
    """Build a candidate, spoil it before it is measured, and hold it against the gate."""
    with spoiled(spoil or (lambda bundle: None)):
        candidate = build_candidate(settings, store)
    check_candidate(candidate.path, settings).raise_if_failed()


def _spoiled(spoil: Spoil) -> Attempt:
    return lambda settings, draw: _built(settings, spoil=spoil)


def _labelled(spoil: Spoil) -> Attempt:
    """Spoil a candidate of the made-up shop, which is large enough to have slices and a graph."""
    return lambda settings, draw: _built(settings, FakeStore(shop_of()), spoil)


def shrink(settings: Settings, draw: random.Random) -> None:
    """Build from half of what the live bundle holds."""
    _built(settings, Halved(open_store(settings)))


def half_train(settings: Settings, draw: random.Random) -> None:
    """Build from the features of an extractor that has learned next to nothing."""
    _built(settings, FakeStore(with_vectors(shop_of(), "half@000000000001", noise=50.0)))


def lose_a_brand(settings: Settings, draw: random.Random) -> None:
    """Lose the items of one brand between the store and the index."""
    shop = shop_of()
    _built(
        settings, FakeStore(BrandForgetful(shop.table, shop.rows, shop.described, brand="brand 1"))
    )


INDEX_FAULTS: dict[str, tuple[Attempt, str]] = {
    "a permuted-id bundle": (_spoiled(spoiling.permute_ids), "identity: "),
    "names swapped within items": (_spoiled(spoiling.swap_within_items), "vectors right: "),
    "wrong neighbour lists": (_spoiled(spoiling.wrong_lists), "neighbour lists: "),
    "shifted scores": (_spoiled(spoiling.shifted_scores), "score shift: "),
    "half of the snapshot gone": (shrink, "shrinkage: "),
    "a half-trained extractor": (half_train, "labelled precision over chance: "),
    "a recall drop in one small category": (
        _labelled(spoiling.blind_in(SMALL)),
        f"recall at 10 in category {SMALL!r}: ",
    ),
    "other vectors in one small category": (
        _labelled(spoiling.other_vectors_in(SMALL)),
        f"vectors right in category {SMALL!r}: ",
    ),
    "one wrong vector": (_labelled(spoiling.one_other_vector), "vectors right: "),
    "an item in everyone's list": (_labelled(spoiling.hub), "hubs: "),
    "a lost brand": (lose_a_brand, "all of brand 'brand 1'"),
}
"""How each fault is planted, and what the gate must say."""
