"""What became of the images of a shard, written down as ledger and feature rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from feature_store.ingest.books import Entry
from feature_store.ingest.knowledge import Knowledge, NamedRegion, SeenImage
from feature_store.ingest.models import Models
from feature_store.schemas import FEATURES, LEDGER
from feature_store.tables.content import sort_rows


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
    """What is known at the end of a shard: entries by address, regions and vectors by image."""

    def __init__(self, entries: Mapping[str, Entry], knowledge: Knowledge, models: Models) -> None:
        """Take all of it."""
        self._entries = entries
        self._knowledge = knowledge
        self._models = models

    def ledger(self, ds: str, listed: Sequence[Occurrence]) -> pa.Table:
        """Write one row (schema LEDGER) for each occurrence, in the canonical order."""
        rows = []
        for occurrence in listed:
            entry = self._entries[occurrence.uri]
            rows.append(
                {
                    "ds": ds,
                    "item_id": occurrence.item_id,
                    "image_index": occurrence.image_index,
                    "image_uri": occurrence.uri,
                    "status": "indexed" if entry.indexed else "failed",
                    "regions": len(self._regions(entry)),
                    **entry._asdict(),
                }
            )
        return sort_rows("ledger", pa.Table.from_pylist(rows, schema=LEDGER))

    def features(self, ds: str, listed: Sequence[Occurrence]) -> pa.Table:
        """Write the features (schema FEATURES) of each occurrence, in the canonical order."""
        rows = list(self._rows(ds, listed))
        vectors = [row.pop("vector") for row in rows]
        lengths = [len(vector) for vector in vectors]
        values = np.concatenate(vectors) if vectors else np.empty(0, np.float32)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int32)
        columns = [
            pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.float32()))
            if field.name == "vector"
            else pa.array([row[field.name] for row in rows], field.type)
            for field in FEATURES
        ]
        return sort_rows("features", pa.Table.from_arrays(columns, schema=FEATURES))

    def _rows(self, ds: str, listed: Sequence[Occurrence]) -> Iterator[dict[str, Any]]:
        for occurrence in listed:
            entry = self._entries[occurrence.uri]
            place = {
                "ds": ds,
                "item_id": occurrence.item_id,
                "image_index": occurrence.image_index,
                "image_uri": occurrence.uri,
                "image_id": entry.image_id,
                "detector": self._models.detector.identity,
            }
            for named in self._regions(entry):
                region = self._region_row(self._knowledge.images[entry.image_id or ""], named)
                for extractor in self._models.extractors:
                    vector = self._knowledge.vectors.get((named.name, extractor.identity))
                    if vector is not None:
                        described = {"extractor": extractor.identity, "dim": len(vector)}
                        yield {**place, **region, **described, "vector": vector}

    def _regions(self, entry: Entry) -> list[NamedRegion]:
        """The regions of an image that the active extractor described."""
        if not entry.indexed or entry.image_id is None:
            return []
        return self._knowledge.described(entry.image_id, self._models.extractor.identity)

    @staticmethod
    def _region_row(image: SeenImage, named: NamedRegion) -> dict[str, object]:
        return {
            "width_px": image.width_px,
            "height_px": image.height_px,
            "region_id": named.name,
            "kind": named.region.kind,
            **named.region.box._asdict(),
            "confidence": named.region.confidence,
            "label": named.region.label,
        }
