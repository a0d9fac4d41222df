"""What other extractors have made of a day's regions: a new batch does not take it away."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES
from feature_store.tables import Commit, FeatureStore, PartitionBatch

_PLACE = ("item_id", "image_index", "region_id", "image_id")
_OWN = ("extractor", "dim", "vector")
"""The columns that an extractor gives; the others are those of the region."""


def with_other_extractors(
    batch: PartitionBatch, stored: Commit | None, in_use: Set[str], store: FeatureStore
) -> tuple[PartitionBatch, int]:
    """Carry over the features of extractors not in use whose regions are still in the batch.

    They may be retired, or an upgrade may have added them since the batch was begun. `stored` is
    the day's commit, if it has one. Returns the batch, and the version of the commit that it was
    made from (0: the day had none).
    """
    if stored is None:
        return batch, 0
    if set(store.snapshot().extractors()) <= in_use:
        return batch, stored.version
    old, version = store.partition(stored.ds)
    others = pc.invert(
        pc.is_in(old.features["extractor"], value_set=pa.array(sorted(in_use), pa.string()))
    )
    carried = _carried(batch.features, old.features.filter(others))
    features = pa.concat_tables([batch.features, carried])
    return replace(batch, features=features), version


def _carried(features: pa.Table, old: pa.Table) -> pa.Table:
    """Give the vectors of `old` to the regions of `features`, as these are described now."""
    place = dict(zip(_places(features), range(features.num_rows), strict=True))
    pairs = [(place[where], number) for number, where in enumerate(_places(old)) if where in place]
    regions = features.take(pa.array([pair[0] for pair in pairs], pa.int64()))
    vectors = old.take(pa.array([pair[1] for pair in pairs], pa.int64()))
    columns = [vectors[name] if name in _OWN else regions[name] for name in FEATURES.names]
    return pa.Table.from_arrays(columns, schema=FEATURES)


def _places(features: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(features[name].to_pylist() for name in _PLACE), strict=True))
