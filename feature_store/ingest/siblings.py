"""What other shards of the same day have found out already, committed or not."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_store.errors import StoreError
from feature_store.ingest.result import ShardResult
from feature_store.ingest.staging import read_table
from feature_store.schemas import FEATURES
from feature_store.tables.store import REGIONS, VECTORS, Known


class Siblings:
    """The finished shards under a day's staging folder, whichever plan they are of.

    The first question reads the names of their images, later ones only the files that answer.
    """

    def __init__(self, day: Path, limits: str) -> None:
        """Name the day's folder; results of other image settings than `limits` do not count."""
        self._day = day
        self._limits = limits

    def known(self, image_ids: list[str], detector: str) -> Known:
        """Return the regions that `detector` found in images, and the vectors of any extractor.

        One row each for every item and extractor that has it.
        """
        wanted = pa.array(image_ids, pa.string())
        files = {self._file_of[name] for name in image_ids if name in self._file_of}
        regions, vectors = [REGIONS.empty_table()], [VECTORS.empty_table()]
        for path in sorted(files):
            try:
                rows = read_table(path, FEATURES)
            except StoreError:  # described anew or committed meanwhile: then it is computed again
                continue
            rows = rows.filter(pc.is_in(rows["image_id"], value_set=wanted))
            vectors.append(rows.select(VECTORS.names))
            rows = rows.filter(pc.equal(rows["detector"], detector))
            regions.append(rows.select(REGIONS.names))
        return Known(pa.concat_tables(regions), pa.concat_tables(vectors))

    @cached_property
    def _file_of(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for marker in sorted(self._day.glob("*/*-*.json")):
            try:
                result = ShardResult.of(marker)
                if result is None or result.limits != self._limits:
                    continue
                path = marker.parent / result.features
                ids = pq.ParquetFile(path).read(columns=["image_id"])["image_id"]
            except (StoreError, TypeError, KeyError, OSError, pa.ArrowException):
                continue  # of another version, or gone by now
            found.update(dict.fromkeys(pc.unique(ids).to_pylist(), path))
        return found
