"""Snapshots against the simplest model there is: a dictionary that plays the days in order."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import EXTRACTOR, image_id, make_batch

DAYS = [f"2026-03-0{day}" for day in range(1, 6)]
ITEM = st.sampled_from(["a", "b'", "c\n", "👜", "z" * 300])
CHANGES = st.dictionaries(ITEM, st.sampled_from(["changed", "deleted"]), max_size=5)
WRITES = st.lists(st.tuples(st.sampled_from(DAYS), CHANGES), min_size=1, max_size=6)

Changes = Mapping[str, str]


def live(partitions: Mapping[str, tuple[int, Changes]]) -> dict[str, tuple[str, int]]:
    """Return the day and the seed of each live item's latest row."""
    found: dict[str, tuple[str, int]] = {}
    for ds, (seed, changes) in sorted(partitions.items()):
        for item, change in changes.items():
            found.pop(item, None)
            if change == "changed":
                found[item] = (ds, seed)
    return found


def seen(store: DeltaFeatureStore, **which: object) -> tuple[dict[str, str], list[str]]:
    snapshot = store.snapshot(**which)  # type: ignore[arg-type]
    items = snapshot.items()
    days = dict(zip(items["item_id"].to_pylist(), items["ds"].to_pylist(), strict=True))
    images = [i for batch in snapshot.features(EXTRACTOR) for i in batch["image_id"].to_pylist()]
    return days, images


def expected(partitions: Mapping[str, tuple[int, Changes]]) -> tuple[dict[str, str], list[str]]:
    alive = live(partitions)
    ordered = sorted(alive, key=str.encode)
    days = {item: alive[item][0] for item in ordered}
    return days, [image_id(item, 0, alive[item][1]) for item in ordered for _ in range(2)]


@settings(max_examples=12, deadline=None)
@given(WRITES)
def test_snapshots_are_what_playing_the_days_gives(writes: list[tuple[str, Changes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = itertools.count(1_800_000_000)
        store = DeltaFeatureStore(
            Path(folder), clock=lambda: dt.datetime.fromtimestamp(next(clock), dt.UTC)
        )
        partitions: dict[str, tuple[int, Changes]] = {}
        versions: dict[int, dict[str, tuple[int, Changes]]] = {}
        for seed, (ds, changes) in enumerate(writes):
            changed = [item for item, change in changes.items() if change == "changed"]
            deleted = [item for item, change in changes.items() if change == "deleted"]
            commit = store.replace_partition(
                ds, make_batch(ds, changed, deleted=deleted, seed=seed)
            )
            partitions[ds] = (seed, changes)
            # The same content again is the older commit, which knows nothing of what came since.
            versions.setdefault(commit.version, dict(partitions))
        for commit in store.log():
            then = expected(versions[commit.version])
            assert seen(store, as_of=commit.version) == then
            assert seen(store, as_of=commit.committed_at) == then
        for before in DAYS:
            earlier = {ds: value for ds, value in partitions.items() if ds < before}
            assert seen(store, before=before) == expected(earlier)
