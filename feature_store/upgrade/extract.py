"""The second step of an upgrade, once for each chunk: known boxes, cut out anew and described."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.ingest.staging import (
    read_json,
    read_table,
    understanding,
    write_json,
    write_table,
)
from feature_store.schemas import Box
from feature_store.tables import open_store
from feature_store.tables.store import VECTORS
from feature_store.upgrade.plan import CHUNK, read_plan

if TYPE_CHECKING:
    from feature_store.photo.decode import LoadedImage
    from feature_store.photo.extract import Extractor
    from feature_store.photo.regions import Region
    from feature_store.settings import Settings

log = logging.getLogger(__name__)


class LostImage(NamedTuple):
    """An image that is left out: `reason` is a ledger reason, or `changed`."""

    image_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ChunkSummary:
    """Counts of one chunk.

    `reused` counts images whose vectors the store had from elsewhere, `detected` is always 0: boxes
    come from the store. `embedded` counts regions that went through the extractor, `failed` images
    that are left out because they have changed or cannot be had.
    """

    images: int
    reused: int
    detected: int
    embedded: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class ChunkResult:
    """What became of a chunk: its counts, its vectors' length, the images that were left out."""

    summary: ChunkSummary
    dim: int
    lost: list[LostImage]

    @classmethod
    def of(cls, chunk: Path) -> ChunkResult | None:
        """Read the result of the chunk at `chunk`; None if there is none, or its file is gone.

        One that is damaged or of another version is none: the chunk is described again.
        """
        marker = chunk.with_suffix(".json")
        try:
            values = read_json(marker)
            if values is None or not vectors_path(chunk).is_file():
                return None
            with understanding(marker):
                lost = [LostImage(*one) for one in values["lost"]]
                return cls(ChunkSummary(**values["summary"]), values["dim"], lost)
        except StoreError as error:
            log.warning("a chunk is described again: %s", error)
            return None


def vectors_path(chunk: Path) -> Path:
    """Return where the vectors of a chunk are."""
    return chunk.with_suffix(".vectors.parquet")


def extract_chunk(
    path: str, settings: Settings, extractor: Extractor | None = None
) -> ChunkSummary:
    """Describe the regions of the chunk at `path` and write their vectors beside it.

    A finished chunk is left alone. An image that has changed or cannot be had never costs the
    chunk. StoreError if the chunk is missing or planned for another extractor, VisionError if the
    extractor cannot be loaded.
    """
    started = time.monotonic()
    chunk = Path(path)
    earlier = ChunkResult.of(chunk)
    if earlier is not None:
        return earlier.summary
    rows = read_table(chunk, CHUNK)
    plan = read_plan(chunk.parent)
    work = _ChunkWork(rows, extractor or _load(settings, plan.model), settings)
    if work.extractor.identity != plan.identity:
        raise StoreError(
            f"the chunk was planned for {plan.identity}, but {plan.model} is "
            f"{work.extractor.identity} by now; plan the upgrade again"
        )
    vectors = work.run()
    images = len(work.regions)
    summary = ChunkSummary(
        images=images,
        reused=work.reused,
        detected=0,
        embedded=work.embedded,
        failed=len(work.lost),
        seconds=round(time.monotonic() - started, 3),
    )
    write_table(vectors_path(chunk), vectors)
    values = asdict(ChunkResult(summary, work.extractor.dim, work.lost))
    write_json(chunk.with_suffix(".json"), values)  # the last: with it the chunk is done
    log.info("%s: %s", chunk.stem, summary)
    return summary


def _load(settings: Settings, model: str) -> Extractor:
    from feature_store.vision.models import load_extractor

    return load_extractor(settings.vision, model)


class _ChunkWork:
    """Describes the images of one chunk, a few at a time; counts what it did."""

    def __init__(self, rows: pa.Table, extractor: Extractor, settings: Settings) -> None:
        self.extractor = extractor
        self.regions = _by_image(rows)
        self.lost: list[LostImage] = []
        self.reused = 0
        self.embedded = 0
        self._rows = rows
        self._settings = settings

    def run(self) -> pa.Table:
        """Return the vectors (schema VECTORS) of every image that could be described."""
        known = self._known()
        described = set(known["image_id"].to_pylist())
        self.reused = len(described)
        wanted = {i: uri for i, (uri, _) in self.regions.items() if i not in described}
        return pa.concat_tables([known, *self._described(wanted)])

    def _known(self) -> pa.Table:
        """What the store holds of these regions already, under whatever item and day."""
        if not self.regions:
            return VECTORS.empty_table()
        detector = self._rows["detector"][0].as_py()
        known = open_store(self._settings).known(
            list(self.regions), detector, [self.extractor.identity]
        )
        mine = pc.is_in(
            known.vectors["region_id"], value_set=self._rows["region_id"].combine_chunks()
        )
        rows = known.vectors.filter(mine).select(VECTORS.names).cast(VECTORS)
        # Only whole images: what lacks one of its regions is described anew.
        whole = [i for i, n in _counts(rows).items() if n == len(self.regions[i][1])]
        return rows.filter(pc.is_in(rows["image_id"], value_set=pa.array(whole, pa.string())))

    def _described(self, wanted: dict[str, str]) -> Iterator[pa.Table]:
        from feature_store.images.loader import ImageLoader

        with ImageLoader(self._settings.images) as loader:
            pairs = zip(wanted, loader.load_many(wanted.values()), strict=True)
            while some := list(itertools.islice(pairs, self._settings.ingest.images_per_chunk)):
                images = []
                for image_id, loaded in some:
                    if loaded.error is not None:
                        self._lose(image_id, loaded.error.reason, loaded.error.detail)
                    elif loaded.image is None or loaded.image.image_id != image_id:
                        self._lose(image_id, "changed", f"{loaded.uri} has another image by now")
                    else:
                        images.append(loaded.image)
                yield self._embed(images)

    def _embed(self, images: list[LoadedImage]) -> pa.Table:
        from feature_store.photo.regions import describe

        pixels = [image.pixels for image in images]
        regions = [[region for _, region in self.regions[i.image_id][1]] for i in images]
        vectors = describe(pixels, regions, self.extractor)
        self.embedded += sum(len(rows) for rows in vectors)
        rows = []
        for image, found in zip(images, vectors, strict=True):
            usable = [
                (name, region.kind, vector)
                for (name, region), vector in zip(
                    self.regions[image.image_id][1], found, strict=True
                )
                if np.isfinite(vector).all()
            ]
            if "whole" not in (kind for _, kind, _ in usable):
                complaint = f"{self.extractor.identity} gave no finite vector for the image"
                self._lose(image.image_id, "not_extracted", complaint)
                continue
            rows += [
                {
                    "image_id": image.image_id,
                    "region_id": name,
                    "extractor": self.extractor.identity,
                    "dim": self.extractor.dim,
                    "vector": vector,
                }
                for name, _, vector in usable
            ]
        return pa.Table.from_pylist(rows, schema=VECTORS)

    def _lose(self, image_id: str, reason: str, detail: str) -> None:
        self.lost.append(LostImage(image_id, reason, detail))


def _by_image(rows: pa.Table) -> dict[str, tuple[str, list[tuple[str, Region]]]]:
    """Group a chunk's rows: image_id → its address, and the names and boxes of its regions."""
    from feature_store.photo.regions import Region

    found: dict[str, tuple[str, list[tuple[str, Region]]]] = {}
    for row in rows.to_pylist():
        box = Box(row["x0"], row["y0"], row["x1"], row["y1"])
        _, listed = found.setdefault(row["image_id"], (row["image_uri"], []))
        listed.append((row["region_id"], Region(row["kind"], box, 0.0, "")))
    return found


def _counts(rows: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(rows["image_id"])
    return {one["values"]: one["counts"] for one in counted.to_pylist()}
