"""The first step of a day: read the catalogue, find what changed, and cut it into shards."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.catalogue.changes import find_changes
from feature_store.catalogue.read import CatalogueRead, read_catalogue
from feature_store.errors import SettingsError, StoreError
from feature_store.ingest.base import base_of
from feature_store.ingest.looks import Looks
from feature_store.ingest.requeue import Requests, read_requests
from feature_store.ingest.revisit import Check, Revisits, find_revisits, stored_items
from feature_store.ingest.settings import IngestSettings
from feature_store.ingest.staging import (
    PLAN,
    planning,
    point_to,
    read_json,
    read_table,
    understanding,
    write_json,
    write_table,
)
from feature_store.models import ModelRegistry
from feature_store.schemas import FEATURES, ITEMS, LEDGER, DataInterval
from feature_store.tables import FeatureStore, PartitionBatch, open_store
from feature_store.tables.content import canonical, rows_hash

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

DELETED = "deleted.parquet"
REJECTED = "rejected.parquet"
BEFORE = "before.parquet"
SETTLED = "settled.parquet"
REQUEUED = "requeued.json"
REVISIT = "revisit-"


@dataclass(frozen=True)
class Plan:
    """What a day brings: the shards' paths, and how many items, images and rows there are.

    `items` counts new and changed items, `images` theirs, `deleted` the items that vanished,
    `rejected` the catalogue rows that cannot be used, `previous_live_items` what was live before;
    `revisited` counts unchanged items that are looked at again, `revisited_images` theirs. `base`
    names what was live before, `at` is the time of the run (ISO 8601). A plan that is `settled`
    asks for nothing again that the store knows; `extractors` are the models in use, the active one
    first: a switch in the middle of a day is for the next one. `requests` are the files of what was
    requeued.
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
    revisited: int
    revisited_images: int
    base: str
    at: str
    settled: bool
    extractors: tuple[str, ...]
    requests: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Read the plan in `folder`; StoreError if there is none."""
        values = read_json(folder / PLAN)
        if values is None:
            raise StoreError(f"{folder / PLAN} is missing; plan the day again")
        with understanding(folder / PLAN):
            lists = {name: tuple(values[name]) for name in ("shards", "extractors", "requests")}
            return cls(**{**values, **lists})


class _Findings(NamedTuple):
    """All that a plan is made of."""

    previous: pa.Table
    changed: pa.Table
    deleted: pa.Table
    rejected: pa.Table
    revisits: Revisits
    settled: pa.Table | None
    requests: Requests


def plan_partition(
    interval: DataInterval,
    settings: Settings,
    *,
    now: dt.datetime | None = None,
    settled: bool = False,
) -> Plan:
    """Plan the partition of `interval`; the same catalogue and store make the same plan.

    `now` is the time of the run, which decides what is due to be tried again. `settled` plans a day
    anew because an earlier one has changed: nothing that is known of its images is asked for again.
    Raises SettingsError if no catalogue is set, CatalogueError if it cannot be read.
    """
    if not settings.catalogue_location:
        raise SettingsError(
            "there is no catalogue: name one, or set NITAMONO_CATALOGUE to a file or a folder"
        )
    now = now or dt.datetime.now(dt.UTC)
    location = settings.catalogue_location.replace("{ds}", interval.ds)
    read = read_catalogue(location, settings.catalogue)
    found = _find(read, interval, settings, None if settled else now)
    size = _shard_size(found, settings.ingest)
    folder = settings.staging / interval.ds / _digest(found, size)
    shards = list(_cut(found, size))
    plan = Plan(
        ds=interval.ds,
        folder=str(folder),
        shards=tuple(str(folder / name) for name, _ in shards),
        source=read.source,
        items=found.changed.num_rows,
        images=_images(found.changed),
        deleted=found.deleted.num_rows,
        rejected=found.rejected.num_rows,
        previous_live_items=found.previous.num_rows,
        revisited=found.revisits.items.num_rows,
        revisited_images=_images(found.revisits.items),
        base=base_of(found.previous),
        at=now.isoformat(),
        settled=settled,
        extractors=ModelRegistry(settings.home).look(settings.vision.extractor).in_use.all,
        requests=found.requests.files,
    )
    _stage(plan, found, shards)
    log.info(
        "%s: %d items to describe, %d to look at again, %d deleted",
        *(plan.ds, plan.items, plan.revisited, plan.deleted),
    )
    return plan


def _find(
    read: CatalogueRead, interval: DataInterval, settings: Settings, now: dt.datetime | None
) -> _Findings:
    """Compare a catalogue with the store; `now` is None where what is known is settled."""
    ds, store = interval.ds, open_store(settings)
    snapshot = store.snapshot(before=ds)
    previous = snapshot.items()
    changes = find_changes(read.items, previous, interval, rejected=read.rejected)
    requests, check = Requests(frozenset(), ()), None
    if now is not None and all(commit.ds <= ds for commit in store.commits()):
        requests = read_requests(settings.home)
        check = Check(ds, now, settings.ingest, Looks(settings.home))
    stored = stored_items(store, ds)
    revisits = find_revisits(snapshot, changes, stored, requests.items, check)
    return _Findings(
        previous=previous,
        changed=_together(changes.filter(pc.invert(changes["deleted"]))),
        deleted=changes.filter(changes["deleted"]),
        rejected=_as_ledger(read.rejected, ds),
        revisits=dataclasses.replace(revisits, items=_together(_of_day(revisits.items, ds))),
        settled=_own_ledger(store, ds) if now is None else None,
        requests=requests,
    )


def _shard_size(found: _Findings, settings: IngestSettings) -> int:
    changed, revisited = found.changed.num_rows, found.revisits.items.num_rows
    # Items of two kinds are never in one shard, which may make one shard more.
    most = max(1, settings.max_shards - 1) if revisited else settings.max_shards
    spread: int = math.ceil((changed + revisited) / most)
    return max(settings.items_per_shard, spread)


def is_revisit(shard: Path) -> bool:
    """Tell whether a shard holds items that did not change."""
    return shard.name.startswith(REVISIT)


def read_settled(folder: Path) -> pa.Table:
    """Read what the ledger (schema LEDGER) says of the day of a plan that is settled."""
    return read_table(folder / SETTLED, LEDGER)


def read_requeued(folder: Path) -> frozenset[str]:
    """Read which items of a plan a person wants looked at again."""
    return frozenset((read_json(folder / REQUEUED) or {"items": []})["items"])


def _own_ledger(store: FeatureStore, ds: str) -> pa.Table:
    ledger = store.partition(ds)[0].ledger
    return ledger.filter(pc.greater_equal(ledger["image_index"], 0))


def _of_day(items: pa.Table, ds: str) -> pa.Table:
    day = pa.repeat(pa.scalar(ds), items.num_rows)
    return items.set_column(0, ITEMS.field("ds"), day)


def _together(items: pa.Table) -> pa.Table:
    """Order items by id, but those that share an address beside the first of them."""
    items = items.combine_chunks().sort_by("item_id")
    images = items["images"].combine_chunks()
    if not items.num_rows:
        return items
    owners = pc.list_parent_indices(images).to_numpy()
    addresses = pc.list_flatten(images).dictionary_encode()
    codes = addresses.indices.to_numpy()
    first = np.full(len(addresses.dictionary), items.num_rows)
    np.minimum.at(first, codes, owners)
    beside = np.arange(items.num_rows)
    np.minimum.at(beside, owners, first[codes])
    return items.take(pa.array(np.argsort(beside, kind="stable")))


def _cut(found: _Findings, size: int) -> Iterator[tuple[str, pa.Table]]:
    number = 0
    for prefix, items in (("shard-", found.changed), (REVISIT, found.revisits.items)):
        for start in range(0, items.num_rows, size):
            yield f"{prefix}{number:05d}.parquet", items.slice(start, size)
            number += 1


def _stage(plan: Plan, found: _Findings, shards: list[tuple[str, pa.Table]]) -> None:
    """Write the plan, unless it is there already, and make it the one that counts."""
    folder = Path(plan.folder)
    day = folder.parent
    with planning(day.parent):
        if read_json(folder / PLAN) is None:
            _write(folder, found, shards)
        write_json(folder / PLAN, dataclasses.asdict(plan))  # the last: with it the plan is whole
        point_to(day, folder.name)


def _write(folder: Path, found: _Findings, shards: list[tuple[str, pa.Table]]) -> None:
    write_table(folder / DELETED, found.deleted)
    write_table(folder / REJECTED, found.rejected)
    write_table(folder / BEFORE, found.revisits.before)
    write_json(folder / REQUEUED, {"items": sorted(found.requests.items)})
    if found.settled is not None:
        write_table(folder / SETTLED, found.settled)
    for name, items in shards:
        write_table(folder / name, items)


def _images(items: pa.Table) -> int:
    return int(pc.sum(pc.list_value_length(items["images"])).as_py() or 0)


def _as_ledger(rejected: pa.Table, ds: str) -> pa.Table:
    columns = [
        pa.repeat(pa.scalar(ds), rejected.num_rows) if name == "ds" else rejected[name]
        for name in LEDGER.names
    ]
    return pa.Table.from_arrays(columns, schema=LEDGER)


def _digest(found: _Findings, size: int) -> str:
    """Name a plan by everything that its shards are made of: 16 hex digits."""
    nothing = FEATURES.empty_table()
    items = pa.concat_tables([found.changed, found.deleted])
    settled = LEDGER.empty_table() if found.settled is None else found.settled
    parts = [
        rows_hash(canonical(PartitionBatch(items, found.rejected, nothing))),
        rows_hash(canonical(PartitionBatch(found.revisits.items, found.revisits.before, nothing))),
        rows_hash(canonical(PartitionBatch(ITEMS.empty_table(), settled, nothing))),
        found.settled is None,
        sorted(found.requests.items),
        size,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
