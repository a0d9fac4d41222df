"""What became of each image of a shard, and the ledger and feature rows that say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES, LEDGER
from feature_store.tables.content import sort_rows

OCCURRENCE = ["ds", "item_id", "image_index", "image_uri"]
"""The columns that say where an image occurs; the others are the same wherever it does."""

REGIONS = pa.schema([field for field in FEATURES if field.name not in OCCURRENCE])
"""The features of one image, without saying where it occurs."""


class Failure(NamedTuple):
    """Why an image has no features: one of `feature_store.schemas.REASONS`, and the particulars."""

    reason: str
    detail: str


class Occurrence(NamedTuple):
    """One image of one item, as the catalogue has it."""

    item_id: str
    image_index: int
    uri: str


def occurrences(items: pa.Table) -> list[Occurrence]:
    """List the images of changed items (schema ITEMS), in the shop's order."""
    columns = (items[name].to_pylist() for name in ("item_id", "images"))
    return [
        Occurrence(item_id, index, uri)
        for item_id, images in zip(*columns, strict=True)
        for index, uri in enumerate(images)
    ]


class Outcomes:
    """Collects what became of each address and of each image, then writes it down as rows."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._images: dict[str, str] = {}  # address → image_id
        self._failed_uris: dict[str, Failure] = {}
        self._failed_images: dict[str, Failure] = {}
        self._spans: dict[str, tuple[int, int]] = {}  # image_id → first region, past the last
        self._regions: list[pa.Table] = [REGIONS.empty_table()]
        self._count = 0

    def unreadable(self, uri: str, failure: Failure) -> None:
        """Note that there is no image at an address."""
        self._failed_uris[uri] = failure

    def loaded(self, uri: str, image_id: str) -> None:
        """Note which image is at an address."""
        self._images[uri] = image_id

    def is_settled(self, image_id: str) -> bool:
        """Tell whether it is known what became of an image."""
        return image_id in self._spans or image_id in self._failed_images

    def failed(self, image_id: str, failure: Failure) -> None:
        """Note that an image can be read, but not described."""
        self._failed_images[image_id] = failure

    def described(self, image_id: str, regions: pa.Table) -> None:
        """Note an image's features (schema REGIONS, or one that contains it)."""
        rows = regions.select(REGIONS.names).cast(REGIONS)
        self._spans[image_id] = (self._count, self._count + rows.num_rows)
        self._regions.append(rows)
        self._count += rows.num_rows

    def ledger(self, ds: str, listed: list[Occurrence]) -> pa.Table:
        """Write one row (schema LEDGER) for each occurrence, in the canonical order."""
        rows = [self._ledger_row(ds, occurrence) for occurrence in listed]
        return sort_rows("ledger", pa.Table.from_pylist(rows, schema=LEDGER))

    def features(self, ds: str, listed: list[Occurrence]) -> pa.Table:
        """Write the features (schema FEATURES) of each occurrence, in the canonical order."""
        spans = list(self._spans_of(listed))
        counts = [stop - start for _, start, stop in spans]
        chosen = np.concatenate(
            [np.arange(start, stop) for _, start, stop in spans] or [np.empty(0, np.int64)]
        )
        regions = pa.concat_tables(self._regions).take(chosen.astype(np.int64))
        repeated = np.repeat(np.arange(len(spans)), counts)
        own = {
            "ds": pa.array([ds] * len(spans), pa.string()),
            "item_id": pa.array([where.item_id for where, _, _ in spans], pa.string()),
            "image_index": pa.array([where.image_index for where, _, _ in spans], pa.int32()),
            "image_uri": pa.array([where.uri for where, _, _ in spans], pa.string()),
        }
        columns = [
            own[name].take(repeated) if name in own else regions[name] for name in FEATURES.names
        ]
        return sort_rows("features", pa.Table.from_arrays(columns, schema=FEATURES))

    def _spans_of(self, listed: list[Occurrence]) -> Iterator[tuple[Occurrence, int, int]]:
        for occurrence in listed:
            span = self._spans.get(self._images.get(occurrence.uri, ""))
            if span is not None:
                yield occurrence, *span

    def _ledger_row(self, ds: str, occurrence: Occurrence) -> dict[str, object]:
        image_id = self._images.get(occurrence.uri)
        failure = self._failed_uris.get(occurrence.uri) or self._failed_images.get(image_id or "")
        start, stop = (0, 0) if failure else self._spans[image_id or ""]
        return {
            "ds": ds,
            "item_id": occurrence.item_id,
            "image_index": occurrence.image_index,
            "image_uri": occurrence.uri,
            "image_id": image_id,
            "status": "failed" if failure else "indexed",
            "reason": failure.reason if failure else None,
            "detail": failure.detail if failure else None,
            "regions": stop - start,
        }


def by_image(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Split features into those of each image that has its whole image among them."""
    rows = rows.sort_by("image_id")
    ids = rows["image_id"].to_pylist()
    starts = [n for n in range(len(ids)) if n == 0 or ids[n] != ids[n - 1]]
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=False):
        part = rows.slice(start, stop - start)
        if pc.any(pc.equal(part["kind"], "whole")).as_py():
            yield ids[start], part
