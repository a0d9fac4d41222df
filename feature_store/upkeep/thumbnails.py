"""Thumbnails that nothing shows any more: neither a live item nor a bundle that is kept."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.format import REGIONS_FILE
from feature_store.bundle.opening import Registry
from feature_store.bundle.records import BUNDLE_ID
from feature_store.errors import BundleError
from feature_store.tables import FeatureStore
from feature_store.upkeep.removal import Removal, Remover

log = logging.getLogger(__name__)

BUILD_TIME = dt.timedelta(days=1)
"""How long a build may take: it still shows the images of the snapshot that it began with."""


def remove_unseen_thumbnails(
    folder: Path, store: FeatureStore, registry: Registry, remover: Remover
) -> Removal:
    """Remove stale thumbnails under `folder` that no live item and no kept bundle shows.

    One that an ingest has written or met again lately is not stale. Where it cannot be said what
    is shown (an empty store, a damaged bundle) all stay.
    """
    live = live_images(store)
    if not len(live):
        return Removal()
    try:
        shown = [live, *_bundle_images(registry)]
    except BundleError as error:
        log.warning("no thumbnail is removed, for a bundle cannot say what it shows: %s", error)
        return Removal()
    paths = [Path(entry) for entry in _thumbnails(folder)]
    stems = pa.array([path.stem for path in paths], pa.string())
    known = pc.is_in(stems, value_set=pa.chunked_array(shown).combine_chunks())
    unseen = np.flatnonzero(~np.asarray(known, np.bool_)).tolist()
    return sum((remover.remove(paths[number]) for number in unseen), Removal())


def live_images(store: FeatureStore) -> pa.Array:
    """Return the ids of the images of live items, now and as of the time a build may go back to."""
    before = dt.datetime.now(dt.UTC) - BUILD_TIME
    tables = [snapshot.ledger() for snapshot in (store.snapshot(), store.snapshot(before))]
    ids = pa.chunked_array((c for t in tables for c in t["image_id"].chunks), pa.string())
    return pc.unique(ids).drop_null()


def _bundle_images(registry: Registry) -> Iterator[pa.Array]:
    """Yield the ids of the images of every bundle that there is, whether or not it is proven.

    Those in a bucket have a copy here; BundleError if one has none, or its table is damaged.
    """
    inside = registry.folder.iterdir() if registry.folder.is_dir() else ()
    here = (path.name for path in inside if path.is_dir())  # the pointer CURRENT is a file
    there = [row.bundle_id for row in registry.list()]
    for name in sorted({*there, *filter(BUNDLE_ID.fullmatch, here)}):
        path = registry.folder / name / REGIONS_FILE
        try:
            with pa.memory_map(str(path)) as file:
                yield from pa.ipc.open_file(file).read_all()["image_id"].chunks
        except (OSError, pa.ArrowException, KeyError) as error:
            raise BundleError(f"{path} cannot be read: {error}") from error


def _thumbnails(folder: Path) -> Iterator[str]:
    """Yield the paths of the thumbnails, which lie in folders named for their first two digits."""
    if not folder.is_dir():
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir():
            with os.scandir(inner) as entries:
                yield from (e.path for e in entries if e.name.endswith(".jpg"))
