"""The first step of a day: read the catalogue, find what changed, and cut it into shards."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.catalogue.changes import find_changes
from feature_store.catalogue.read import read_catalogue
from feature_store.errors import SettingsError
from feature_store.ingest.staging import (
    planning,
    point_to,
    read_json,
    write_json,
    write_table,
)
from feature_store.schemas import FEATURES, LEDGER, DataInterval
from feature_store.tables import PartitionBatch, open_store
from feature_store.tables.content import canonical, content_hash

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

PLAN = "plan.json"
DELETED = "deleted.parquet"
REJECTED = "rejected.parquet"


@dataclass(frozen=True)
class Plan:
    """What a day brings: the shards' paths, and how many items, images and rows there are.

    `items` counts new and changed items, `images` theirs, `deleted` the items that vanished,
    `rejected` the catalogue rows that cannot be used, `previous_live_items` what was live before.
    """

    ds: str
    folder: str
    shards: tuple[str, ...]
    source: str
    items: int
    images: int
    deleted: int
    rejected: int
    previous_live_items: int


def plan_partition(interval: DataInterval, settings: Settings) -> Plan:
    """Plan the partition of `interval`; the same catalogue and store make the same plan.

    Raises SettingsError if no catalogue is set, CatalogueError if it cannot be read.
    """
    if not settings.catalogue_location:
        raise SettingsError(
            "there is no catalogue: name one, or set NITAMONO_CATALOGUE to a file or a folder"
        )
    ds = interval.ds
    read = read_catalogue(settings.catalogue_location.replace("{ds}", ds), settings.catalogue)
    previous = open_store(settings).snapshot(before=ds).items()
    changes = find_changes(read.items, previous, interval, rejected=read.rejected)
    rejected = _as_ledger(read.rejected, ds)
    changed = changes.filter(pc.invert(changes["deleted"]))
    size = max(
        settings.ingest.items_per_shard, math.ceil(changed.num_rows / settings.ingest.max_shards)
    )
    digest = _digest(changes, rejected, size)
    folder = settings.staging / ds / digest
    starts = range(0, changed.num_rows, size)
    plan = Plan(
        ds=ds,
        folder=str(folder),
        shards=tuple(str(folder / f"shard-{n:05d}.parquet") for n in range(len(starts))),
        source=read.source,
        items=changed.num_rows,
        images=pc.sum(pc.list_value_length(changed["images"])).as_py() or 0,
        deleted=changes.num_rows - changed.num_rows,
        rejected=rejected.num_rows,
        previous_live_items=previous.num_rows,
    )
    with planning(settings.staging):
        if read_json(folder / PLAN) is None:
            write_table(folder / DELETED, changes.filter(changes["deleted"]))
            write_table(folder / REJECTED, rejected)
            for path, start in zip(plan.shards, starts, strict=True):
                write_table(Path(path), changed.slice(start, size))
        write_json(folder / PLAN, dataclasses.asdict(plan))  # the last: with it the plan is whole
        point_to(folder.parent, folder.name)
    log.info("%s: %d items to describe, %d deleted", ds, plan.items, plan.deleted)
    return plan


def _as_ledger(rejected: pa.Table, ds: str) -> pa.Table:
    columns = [
        pa.repeat(pa.scalar(ds), rejected.num_rows) if name == "ds" else rejected[name]
        for name in LEDGER.names
    ]
    return pa.Table.from_arrays(columns, schema=LEDGER)


def _digest(changes: pa.Table, rejected: pa.Table, size: int) -> str:
    """Name a plan by everything that its shards are made of: 16 hex digits."""
    rows = canonical(PartitionBatch(changes, rejected, FEATURES.empty_table()))
    parts = json.dumps([content_hash(rows), size])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]
