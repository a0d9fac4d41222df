"""What a feature store does, whatever it is made of, and the values that it takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True)
class PartitionBatch:
    """All rows of one partition: tables of the schemas ITEMS, LEDGER and FEATURES."""

    items: pa.Table
    ledger: pa.Table
    features: pa.Table


@dataclass(frozen=True)
class Commit:
    """One replacement of one partition, as the log of commits remembers it.

    `version` counts the log and only grows; `content_hash` is the same for the same rows; `items`
    counts changed items that live, `deleted` those that do not, `images` the ledger's images
    (indexed or failed), `regions` the regions that have a feature.
    """

    version: int
    ds: str
    content_hash: str
    items: int
    images: int
    regions: int
    deleted: int


@dataclass(frozen=True)
class Coverage:
    """How much of a snapshot one extractor has described.

    `images` counts the ledger's images of the live items, `indexed` those that could be used,
    `described` those whose whole image has a feature under the extractor, `regions` its features,
    `failed` the reasons of the others.
    """

    items: int
    images: int
    indexed: int
    described: int
    regions: int
    failed: Mapping[str, int]

    @property
    def share(self) -> float:
        """Described images out of the indexed ones, 0..1; 1 when there is nothing to describe."""
        return self.described / self.indexed if self.indexed else 1.0


class Snapshot(Protocol):
    """The store as of one version of its log: the latest live row of everything."""

    @property
    def version(self) -> int:
        """The version of the newest commit that the log held (0: none)."""

    @property
    def content_hash(self) -> str:
        """64 hex digits that are the same whenever the snapshot's partitions hold the same rows.

        Days on which no item changed do not count.
        """

    def items(self) -> pa.Table:
        """The latest row (schema ITEMS) of each live item, by `item_id`."""

    def ledger(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of the live items, by `item_id` and `image_index`."""

    def rejected(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of catalogue rows that the newest day could not use."""

    def features(self, extractor: str) -> Iterator[pa.RecordBatch]:
        """The live features (schema FEATURES) of one extractor, in bounded memory.

        Ordered by `item_id` and `image_index`; within an image the whole image first, then its
        products, the most confident first.
        """

    def extractors(self) -> list[str]:
        """The extractors that described any live item, sorted."""

    def coverage(self, extractor: str) -> Coverage:
        """How much of the snapshot `extractor` has described."""


class FeatureStore(Protocol):
    """Holds partitions, replaces them whole, and is read as snapshots."""

    def replace_partition(self, ds: str, batch: PartitionBatch) -> Commit:
        """Replace the partition `ds` by `batch`: all of it, or nothing, whenever it is killed.

        Identical content writes nothing and returns the commit that holds it. Raises StoreError
        for a batch that breaks the schemas, naming the row, and CommitConflictError if another
        writer has replaced the same partition meanwhile by something else.
        """

    def snapshot(self, version: int | None = None, *, before: str | None = None) -> Snapshot:
        """Return the store as of `version` (default: now), of partitions before the day `before`.

        Raises StoreError for a version that the log never had.
        """

    def known(self, image_ids: Sequence[str], detector: str, extractor: str) -> pa.Table:
        """Return the features (schema FEATURES) that are stored for images, one for each region.

        The item, day and address in such a row are those of any item that had the image.
        """

    def commits(self) -> list[Commit]:
        """Return the latest commit of each partition, oldest day first."""
