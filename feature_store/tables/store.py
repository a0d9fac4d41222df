"""What a feature store does, whatever it is made of, and the values that it takes and gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from feature_store.schemas import FEATURES

AsOf = int | dt.datetime | None
"""A version of the log, a time (with a time zone) at which it is read, or None: now."""

REGIONS = pa.schema(
    [
        FEATURES.field(name)
        for name in (
            *("image_id", "width_px", "height_px", "region_id", "kind", "x0", "y0", "x1", "y1"),
            *("confidence", "label", "detector"),
        )
    ]
)
"""One region of one image under one detector, wherever the image occurs."""

VECTORS = pa.schema(
    [FEATURES.field(name) for name in ("image_id", "region_id", "extractor", "dim", "vector")]
)
"""One vector of one region under one extractor, whichever detector found the region."""


@dataclass(frozen=True)
class PartitionBatch:
    """All rows of one partition: tables of the schemas ITEMS, LEDGER and FEATURES."""

    items: pa.Table
    ledger: pa.Table
    features: pa.Table


@dataclass(frozen=True)
class Known:
    """What the store holds of some images: their `regions` (schema REGIONS) under one detector,
    one row each, and the `vectors` (schema VECTORS) of their regions, one for each extractor."""

    regions: pa.Table
    vectors: pa.Table


@dataclass(frozen=True)
class Commit:
    """One replacement of one partition, as the log of commits remembers it.

    `version` counts the log and only grows; `content_hash` is the same for the same rows; `items`
    counts changed items that live, `deleted` those that do not, `images` the ledger's images
    (indexed or failed), `regions` the regions that have a feature. `base` names the items that
    were live before the day when it was planned ("": not known), `committed_at` is the time of the
    commit (None: written before commits had one).
    """

    version: int
    ds: str
    content_hash: str
    items: int
    images: int
    regions: int
    deleted: int
    base: str = ""
    committed_at: dt.datetime | None = None


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


@dataclass(frozen=True)
class StoreSize:
    """Bytes and files of a store: what its newest snapshot reads, and all that it keeps."""

    live_bytes: int
    live_files: int
    kept_bytes: int
    kept_files: int


@dataclass(frozen=True)
class StoreUpkeep:
    """What one upkeep of a store did: partitions whose files were put together, commits whose
    rows are no longer kept, files removed, and their bytes."""

    compacted_partitions: int
    forgotten_commits: int
    removed_files: int
    freed_bytes: int


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

    def failed(self) -> pa.Table:
        """The rows of `ledger` of the images that could not be used, in little time."""

    def rejected(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of catalogue rows that the newest day could not use."""

    def features(
        self, extractor: str, items: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The live features (schema FEATURES) of one extractor, or those of `items`.

        In bounded memory, ordered by `item_id` and `image_index`; within an image the whole image
        first, then its products, the most confident first.
        """

    def regions(self, extractor: str) -> pa.Table:
        """All that `features` gives but the vectors, in the same order: much less to read."""

    def about(self, item_id: str) -> PartitionBatch:
        """All that the snapshot says about one item: no rows unless it lives."""

    def extractors(self) -> list[str]:
        """The extractors that described any live item, sorted."""

    def coverage(self, extractor: str) -> Coverage:
        """How much of the snapshot `extractor` has described."""


class FeatureStore(Protocol):
    """Holds partitions, replaces them whole, and is read as snapshots."""

    def replace_partition(
        self, ds: str, batch: PartitionBatch, *, base: str = "", replaces: int | None = None
    ) -> Commit:
        """Replace the partition `ds` by `batch`: all of it, or nothing, whenever it is killed.

        Identical rows and base write nothing and return the commit that holds them; rows that
        differ in bookkeeping alone make a new commit of the same content hash. `replaces` is the
        version of the day's commit that the batch was made from (0: the day had none; None:
        whichever is newest now). Raises StoreError for a batch that breaks the schemas, naming the
        row, and CommitConflictError if another writer has replaced the same partition meanwhile by
        something else.
        """

    def partition(self, ds: str) -> tuple[PartitionBatch, int]:
        """Return what the day's newest commit holds, and that commit's version (0: none)."""

    def snapshot(self, as_of: AsOf = None, *, before: str | None = None) -> Snapshot:
        """Return the store as of a version or time, of partitions before the day `before`.

        Raises StoreError for a version that the log never had, a time without a time zone, and for
        one whose rows the kept history no longer has.
        """

    def known(self, image_ids: Sequence[str], detector: str, extractors: Sequence[str]) -> Known:
        """Return the regions that `detector` found in images, and what `extractors` made of them.

        Whatever item, day and commit the rows are of, as long as the newest commits hold them.
        """

    def sources(self, uris: Sequence[str]) -> pa.Table:
        """Return the latest ledger row (schema LEDGER) of each of these addresses that has one."""

    def commits(self) -> list[Commit]:
        """Return the latest commit of each partition, oldest day first."""

    def log(self) -> list[Commit]:
        """Return every commit there ever was, oldest first."""

    def size(self) -> StoreSize:
        """Return how much room the store takes."""

    def upkeep(self, keep_days: int) -> StoreUpkeep:
        """Put small files together, and remove rows superseded more than `keep_days` days ago.

        What the newest commit of each day holds always stays, and so does what a writer that
        began within the last day may be writing. Readers of a snapshot are not disturbed unless
        it is older than that. Safe beside writers.
        """
