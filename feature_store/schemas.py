"""The Arrow schemas in which the stages meet, and the few words they share.

`CATALOGUE` (one valid catalogue row) → `ITEMS`, `LEDGER`, `FEATURES` (the three store tables);
`EVENTS` (what shoppers did) comes back from the lookup service.
Stages never import each other; they import this module.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")

REASONS: dict[str, str] = {
    "row_invalid": "the catalogue row itself cannot be used",
    "missing": "there is no image at the address, says its host or the file system",
    "unreachable": "the host does not answer, or not with an image",
    "timed_out": "the host was too slow",
    "blocked_host": "the address is not allowed by the settings",
    "too_large": "more bytes or more pixels than the settings allow",
    "not_an_image": "the bytes are not an image of a kind we read",
    "corrupt": "the image cannot be decoded",
    "too_small": "fewer pixels than anything can be seen in",
    "not_extracted": "the extractor gave no usable vector",
}
"""Why an image is not indexed: the closed list of ledger reasons, each with its meaning."""

PASSING_REASONS = ("missing", "unreachable", "timed_out")
"""The reasons that may be gone another day: such an image is tried again."""

CATALOGUE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("images", pa.list_(pa.string()), nullable=False),
        pa.field("title", pa.string()),
        pa.field("category", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("url", pa.string()),
        pa.field("in_stock", pa.bool_()),
        pa.field("updated_at", TIMESTAMP),
        pa.field("attributes", pa.string()),
        pa.field("row_digest", pa.string(), nullable=False),
    ]
)
"""One valid catalogue row: `images` in the shop's order (absolute path or URL), other columns as
a JSON object of strings in `attributes`, `row_digest` over everything but `updated_at`."""

ITEMS = pa.schema(
    [
        pa.field("ds", pa.string(), nullable=False),
        *CATALOGUE,
        pa.field("deleted", pa.bool_(), nullable=False),
    ]
)
"""One change of one item on day `ds` (YYYY-MM-DD). Key: (ds, item_id)."""

LEDGER = pa.schema(
    [
        pa.field("ds", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("image_index", pa.int32(), nullable=False),
        pa.field("image_uri", pa.string(), nullable=False),
        pa.field("image_id", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("regions", pa.int32(), nullable=False),
        pa.field("fingerprint", pa.string()),
        pa.field("attempts", pa.int32()),
        pa.field("tried_at", TIMESTAMP),
    ]
)
"""One row for every image of every changed item: `status` is `indexed` or `failed`, then with a
`reason` out of `REASONS`. A catalogue row that cannot be used has `image_index` -1.
`fingerprint` says which version of its source the image is (null: the source tells none),
`attempts` how often it was asked for since it last could be used, and `tried_at` when last.
Key: (ds, item_id, image_index), but for rejected rows, which may repeat an id."""

BOOKKEEPING = ("fingerprint", "attempts", "tried_at")
"""The ledger's columns that say how an image was come by, not what it is: two partitions that
differ in nothing else have the same content."""

FEATURES = pa.schema(
    [
        pa.field("ds", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("image_index", pa.int32(), nullable=False),
        pa.field("image_uri", pa.string(), nullable=False),
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("width_px", pa.int32(), nullable=False),
        pa.field("height_px", pa.int32(), nullable=False),
        pa.field("region_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("x0", pa.float32(), nullable=False),
        pa.field("y0", pa.float32(), nullable=False),
        pa.field("x1", pa.float32(), nullable=False),
        pa.field("y1", pa.float32(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("extractor", pa.string(), nullable=False),
        pa.field("dim", pa.int32(), nullable=False),
        pa.field("vector", pa.list_(pa.float32()), nullable=False),
    ]
)
"""One feature: the vector (float32, length `dim`, L2 norm 1) of one region under one extractor.
`kind` is `whole` (the whole image, box 0 0 1 1, confidence 0) or `product`; boxes are normalised
to 0..1, origin top left. Key: (ds, item_id, image_index, region_id, extractor)."""

VIEW, CLICK, CONVERSION = "view", "click", "conversion"
EVENT_TYPES = (VIEW, CLICK, CONVERSION)
"""What a shopper did with a hit: saw it, followed it, bought what it shows."""

EVENTS = pa.schema(
    [
        pa.field("received_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("query_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string()),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("hit_item_id", pa.string(), nullable=False),
        pa.field("bundle", pa.string(), nullable=False),
        pa.field("session", pa.string()),
    ]
)
"""One thing that a shopper did with one hit, as a browser told it: `type` is one of `EVENT_TYPES`,
`query_id` names the answer, `item_id` the item that was asked about (null: a photo), `position`
counts from 1, `session` is a random name of a visit, if the shop sends one. There is no address,
no browser and no person in it. The same thing may be there several times.
Key: (query_id, type, position, hit_item_id)."""


class Box(NamedTuple):
    """A rectangle normalised to the image: 0 ≤ x0 < x1 ≤ 1, 0 ≤ y0 < y1 ≤ 1, origin top left."""

    x0: float
    y0: float
    x1: float
    y1: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)
"""The box of the whole image, which is always a region too."""


@dataclass(frozen=True)
class DataInterval:
    """The half-open span of time [start, end) whose changes make one partition; both in UTC."""

    start: dt.datetime
    end: dt.datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a data interval needs times with a time zone")
        if not self.start < self.end:
            raise ValueError(f"a data interval must not be empty: {self.start} .. {self.end}")

    @property
    def ds(self) -> str:
        """The partition's name: the UTC date on which the interval starts, YYYY-MM-DD."""
        return self.start.astimezone(dt.UTC).date().isoformat()

    @classmethod
    def day(cls, ds: str) -> DataInterval:
        """The whole UTC day `ds` (YYYY-MM-DD); ValueError if it is not a date."""
        date = dt.date.fromisoformat(ds)
        if date.isoformat() != ds or date == dt.date.max:  # it also reads 20260131 and 2026-W05-6
            raise ValueError(f"{ds!r} is not a day as YYYY-MM-DD")
        start = dt.datetime.combine(date, dt.time(), tzinfo=dt.UTC)
        return cls(start, start + dt.timedelta(days=1))


def region_id(image_id: str, box: Box) -> str:
    """Name a region by its image and its box (to a ten-thousandth): 16 hex digits.

    The same box in the same bytes has the same name under every detector, item and day.
    """
    corners = ",".join(f"{corner:.4f}" for corner in box)
    return hashlib.sha256(f"{image_id}:{corners}".encode()).hexdigest()[:16]
