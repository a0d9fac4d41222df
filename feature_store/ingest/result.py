"""What became of a shard: its counts, and the files that hold its ledger and its features."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from feature_store.errors import StoreError
from feature_store.ingest.staging import (
    read_json,
    read_table,
    understanding,
    write_json,
    write_table,
)
from feature_store.schemas import FEATURES, LEDGER

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardSummary:
    """Counts of one shard, or of several together.

    `images` and `failed` count the ledger's rows, `reused` images whose features were known,
    `detected` images that went through the detector, `embedded` vectors that an extractor gave;
    `seconds` is how long that took.
    """

    images: int
    reused: int
    detected: int
    embedded: int
    failed: int
    seconds: float

    @classmethod
    def total(cls, summaries: Iterable[ShardSummary]) -> ShardSummary:
        """Add up the counts of several shards."""
        listed = [asdict(summary) for summary in summaries]
        sums = {name: sum(one[name] for one in listed) for name in cls.__dataclass_fields__}
        return cls(**{**sums, "seconds": round(sums["seconds"], 3)})


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard under the models and image settings named by `key`.

    `limits` names the image settings alone; `active` is the identity of the active extractor;
    `dims` maps the extractors in use that described anything to the length of their vectors;
    `passing` counts the images that failed for a reason that may pass; `ledger` and `features` are
    names of files beside the shard.
    """

    key: str
    limits: str
    active: str
    dims: Mapping[str, int]
    passing: int
    ledger: str
    features: str
    summary: ShardSummary

    @classmethod
    def of(cls, path: Path) -> ShardResult | None:
        """Read the result of the shard at `path`; None if there is none, or its files are gone.

        One that is damaged or of another version is none: the shard is described again.
        """
        marker = path.with_suffix(".json")
        try:
            values = read_json(marker)
            if values is None:
                return None
            with understanding(marker):
                result = cls(**{**values, "summary": ShardSummary(**values["summary"])})
        except StoreError as error:
            log.warning("a shard is described again: %s", error)
            return None
        names = (result.ledger, result.features)
        return result if all((path.parent / name).is_file() for name in names) else None

    def tables(self, folder: Path) -> tuple[pa.Table, pa.Table]:
        """Read the shard's ledger and features, each in the canonical order."""
        return (
            read_table(folder / self.ledger, LEDGER),
            read_table(folder / self.features, FEATURES),
        )

    def write(self, path: Path, ledger: pa.Table, features: pa.Table) -> None:
        """Write the result of the shard at `path`: a reader finds this one or an earlier one."""
        write_table(path.parent / self.ledger, ledger)
        write_table(path.parent / self.features, features)
        write_json(path.with_suffix(".json"), asdict(self))  # the last: with it the shard is done
