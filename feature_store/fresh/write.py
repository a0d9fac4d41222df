"""Write a tier: the changed items and their regions as tables, the new regions' vectors centred."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    FACETS_FILE,
    ITEMS_FILE,
    MANIFEST,
    REGIONS_FILE,
    VECTORS,
    digest_file,
    sync,
    write_synced,
)
from feature_store.bundle.open import Bundle
from feature_store.bundle.tables import (
    facet_columns,
    item_columns,
    region_columns,
    segment_names,
)
from feature_store.bundle.tier import ALIAS, FILES, TierManifest, prove_tier, tier_id_of
from feature_store.bundle.tiers import keep_tier
from feature_store.bundle.write import BundleWriter
from feature_store.errors import BundleError
from feature_store.fresh.changes import Changes

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

UNFINISHED = "next"
"""What a tier is called that is being written."""


@dataclass(frozen=True)
class Contents:
    """All that a tier holds."""

    changes: Changes
    vectors: Floats
    """float32 (f, dim): the new regions', centred by the bundle's projection."""
    subject: Mask
    """bool (f,): which new regions show the item that their photo sells."""


def write_tier(folder: Path, bundle: Bundle, contents: Contents, version: int) -> TierManifest:
    """Write a tier of `bundle` among its others in `folder`; return its manifest.

    Its name is a digest of its content: one that is there already is kept. `version`: the
    snapshot's. What a killed writer left is removed first: the caller holds the shelf's lock.
    """
    for left in (f".building-{UNFINISHED}", f".scratch-{UNFINISHED}"):
        shutil.rmtree(folder / left, ignore_errors=True)
    changes = contents.changes
    with BundleWriter(folder, UNFINISHED) as writer:
        regions = _regions(bundle, contents)
        writer.table(ITEMS_FILE, _items(bundle, changes, regions))
        writer.table(REGIONS_FILE, regions)
        writer.table(FACETS_FILE, facet_columns(changes.items))
        writer.array(VECTORS, contents.vectors[_subjects_first(contents.subject)])
        writer.array(ALIAS, changes.alias)
        files = {name: digest_file(writer.folder / name) for name in FILES}
        manifest = TierManifest(
            tier_id=tier_id_of(bundle.bundle_id, files),
            bundle_id=bundle.bundle_id,
            created_at=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            snapshot_version=version,
            items=len(changes.items),
            regions=changes.new_regions,
            gone=changes.gone,
            dim=bundle.manifest.dim,
            files=files,
        )
        final = folder / manifest.tier_id
        if not _is_whole(final):
            for path in sorted(writer.folder.iterdir()):
                sync(path)
            write_synced(writer.folder / MANIFEST, manifest.to_json())
            keep_tier(writer.folder, final)
            sync(folder)
    return manifest


def _is_whole(final: Path) -> bool:
    try:
        prove_tier(final)
    except BundleError:
        return False
    return True


def _regions(bundle: Bundle, contents: Contents) -> pa.Table:
    changes = contents.changes
    names = segment_names(facet_columns(changes.items), bundle.manifest.segmented_by)
    table = region_columns(changes.regions)
    table = table.add_column(0, "item", [pa.array(changes.owners + len(bundle.items), pa.int32())])
    table = table.append_column("subject", [contents.subject])
    rows = np.argsort(_subjects_first(contents.subject))
    table = table.append_column("vector", [pa.array(rows, pa.int32())])
    return table.append_column("segment_name", [names.take(pa.array(changes.owners))])


def _subjects_first(subject: Mask) -> npt.NDArray[np.intp]:
    """The order of the vectors: those that may be hits stand together, to be compared at once."""
    return np.argsort(~subject, kind="stable")


def _items(bundle: Bundle, changes: Changes, regions: pa.Table) -> pa.Table:
    """The rows of all changed items, in the order of their ids."""
    own, renewed = np.flatnonzero(changes.kept < 0), np.flatnonzero(changes.kept >= 0)
    fresh = _with_new_regions(bundle, changes, own, regions)
    kept = changes.kept[renewed]
    row_alone = changes.items.take(renewed).select(fresh.column_names[: -len(_FROM_BUNDLE)])
    for name in _FROM_BUNDLE:
        row_alone = row_alone.append_column(name, bundle.items[name].take(kept))
    places = np.argsort(np.r_[own, renewed], kind="stable")
    return pa.concat_tables([fresh, row_alone]).take(places)


_FROM_BUNDLE = ("images", "first_region", "region_count", "primary_region")
"""What an item keeps whose row alone changed."""


def _with_new_regions(
    bundle: Bundle, changes: Changes, own: npt.NDArray[np.intp], regions: pa.Table
) -> pa.Table:
    owners = np.searchsorted(own, changes.owners).astype(np.int32)
    table = item_columns(changes.items.take(own), owners, regions["image_url"])
    first = table["first_region"].to_numpy() + len(bundle.owners)
    subjects = np.flatnonzero(regions["subject"].to_numpy())
    _, places = np.unique(owners[subjects], return_index=True)
    primary = subjects[places] + len(bundle.owners)
    table = table.set_column(
        table.column_names.index("first_region"), "first_region", pa.array(first, pa.int32())
    )
    return table.append_column("primary_region", pa.array(primary, pa.int32()))
