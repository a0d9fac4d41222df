"""What `nitamono status` tells, as plain values: each part reads as little as it needs."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feature_store.bundle import Registry
    from feature_store.settings import Settings
    from feature_store.tables import Commit, FeatureStore, Snapshot

COUNTED_FILES = 20_000
"""So many thumbnails are counted one by one; of more, the rest is reckoned."""

AUDITED_IMAGES = 50_000
"""A larger ledger is not held against the items each time: every commit has done it anyway."""


def read_status(settings: Settings) -> dict[str, Any]:
    """Return the state of a home as plain values with stable names, ready for JSON.

    Times are ISO 8601 in UTC, sizes bytes, ages seconds; what there is none of is null.
    """
    from feature_store.tables import open_store

    store = open_store(settings)
    snapshot = store.snapshot()
    return {
        "home": str(settings.home),
        **_of_store(store, settings),
        **_of_images(snapshot, settings),
        **_of_models(settings),
        **_of_bundles(snapshot, settings),
        "last_runs": _last_runs(settings),
        **_sizes(store, settings),
    }


def changed_at(log: Iterable[Commit]) -> dt.datetime | None:
    """Return when a commit last changed what its day holds: upkeep commits the same rows again."""
    held: dict[str, str] = {}
    newest = None
    for commit in log:
        if held.get(commit.ds) != commit.content_hash:
            newest = commit.committed_at or newest
        held[commit.ds] = commit.content_hash
    return newest


def _of_store(store: FeatureStore, settings: Settings) -> dict[str, Any]:
    from feature_store.ingest.replay import FOLDER

    days = [commit.ds for commit in store.commits()]
    changed = changed_at(store.log())
    tables = settings.tables
    folder = tables.location or str(settings.home / "store")
    return {
        "store": tables.store,
        "store_location": folder
        if tables.store == "delta"
        else f"{tables.project}.{tables.dataset}",
        "partitions": days,
        "partition_count": len(days),
        "first_partition": days[0] if days else None,
        "newest_partition": days[-1] if days else None,
        "changed_at": changed.isoformat() if changed else None,
        "age_seconds": _age(changed),
        # Days that a late one has changed the past of, and that wait to be planned anew.
        "stale_days": sorted(mark.stem for mark in (settings.home / FOLDER).glob("*.json")),
    }


def _of_images(snapshot: Snapshot, settings: Settings) -> dict[str, Any]:
    extractors = snapshot.extractors()
    coverage = {name: snapshot.coverage(name) for name in extractors}
    any_of_them = next(iter(coverage.values()), None) or snapshot.coverage("none@000000000000")
    images, indexed = any_of_them.images, any_of_them.indexed
    return {
        "snapshot_version": snapshot.version,
        "content_hash": snapshot.content_hash,
        "items": any_of_them.items,
        "images": images,
        "images_indexed": indexed,
        "failed_by_reason": dict(any_of_them.failed),
        **_failures(snapshot, settings),
        "ledger_adds_up": _adds_up(snapshot) if images <= AUDITED_IMAGES else None,
        "rows_rejected": snapshot.rejected().num_rows,
        "coverage": round(indexed / images, 4) if images else None,
        "extractors": extractors,
        "extractor_coverage": {
            name: {
                "described": covered.described,
                "indexed": covered.indexed,
                "share": covered.share,
                "regions": covered.regions,
            }
            for name, covered in coverage.items()
        },
    }


def _failures(snapshot: Snapshot, settings: Settings) -> dict[str, int]:
    """Count the failed images that only a person can help, and those that are tried again."""
    from feature_store.ingest.retry import dead_letters

    failed = snapshot.failed()
    dead = dead_letters(failed, settings.ingest).num_rows
    return {"dead_letters": dead, "will_be_retried": failed.num_rows - dead}


def _adds_up(snapshot: Snapshot) -> bool:
    from feature_store.ingest.audit import audit_snapshot

    return audit_snapshot(snapshot).adds_up


def _of_models(settings: Settings) -> dict[str, Any]:
    from feature_store.models import ModelRegistry

    in_use = ModelRegistry(settings.home).look(settings.vision.extractor).in_use
    return {"model_active": in_use.active, "models_kept": list(in_use.kept)}


def _of_bundles(snapshot: Snapshot, settings: Settings) -> dict[str, Any]:
    from feature_store.bundle.opening import registry_of
    from feature_store.errors import BundleError

    registry = registry_of(settings)
    live, rows = registry.current(), registry.list()
    pin = registry.pinned()
    row = next((row for row in rows if row.bundle_id == live), None)
    try:
        same = row and registry.manifest(row.bundle_id).snapshot_content_hash
    except BundleError:  # it is being removed at this moment
        same = None
    return {
        "bundles_location": registry.location,
        "live_bundle": live,
        "live_bundle_created_at": row.created_at if row else None,
        "live_bundle_is_current": same == snapshot.content_hash if row else None,
        "live_bundle_snapshot_version": row.snapshot_version if row else None,
        "live_bundle_extractor": row.extractor if row else None,
        "live_bundle_items": row.items if row else None,
        "live_bundle_regions": row.regions if row else None,
        "live_bundle_gate_passed": row.gate_passed if row else None,
        "previous_bundle": registry.previous(),
        "pinned_since": pin.at if pin else None,
        **_of_canary(registry),
        **_of_tier(registry, live),
        "bundles": len(rows),
        "bundles_bytes": sum(row.size_bytes for row in rows),
    }


def _of_canary(registry: Registry) -> dict[str, Any]:
    """Say which bundle is the canary; null where there is none, or it cannot be told."""
    from feature_store.errors import BundleError

    try:
        canary = registry.canary_pointer()
    except BundleError:
        canary = None
    return {
        "canary_bundle": canary.bundle_id if canary else None,
        "canary_share": canary.share if canary else None,
    }


def _of_tier(registry: Registry, live: str | None) -> dict[str, Any]:
    """Say up to which snapshot the live bundle's fresh tier brings it; null where it has none."""
    from feature_store.errors import BundleError

    try:
        pointer = registry.tier_pointer(live) if live else None
    except BundleError:  # of the bundle or of its tier: it cannot be read
        pointer = None
    return {
        "fresh_tier": pointer.tier_id if pointer else None,
        "fresh_tier_at": pointer.at if pointer else None,
        "fresh_tier_snapshot_version": pointer.snapshot_version if pointer else None,
        "fresh_tier_waiting": pointer.waiting if pointer else None,
    }


def _last_runs(settings: Settings) -> dict[str, Any]:
    from feature_store.runs import read_runs

    return {
        run.kind: {
            "ds": run.ds,
            "started_at": run.started_at,
            "seconds": run.seconds,
            "outcome": run.outcome,
        }
        for run in read_runs(settings.home)
    }


def _sizes(store: FeatureStore, settings: Settings) -> dict[str, Any]:
    from feature_store.upkeep.removal import measure

    size = store.size()
    staging, thumbnails = measure(settings.staging), measure_thumbnails(settings.thumbnails)
    return {
        "store_live_bytes": size.live_bytes,
        "store_live_files": size.live_files,
        "store_kept_bytes": size.kept_bytes,
        "store_kept_files": size.kept_files,
        "staging_bytes": staging.freed_bytes,
        "staging_files": staging.files,
        "thumbnails_bytes": thumbnails[1],
        "thumbnails_files": thumbnails[0],
    }


def measure_thumbnails(folder: Path, limit: int = COUNTED_FILES) -> tuple[int, int]:
    """Return how many thumbnails there are, and their bytes.

    They lie in folders named for the first digits of a hash, and so alike in size: once `limit`
    have been counted, the folders that are left are reckoned by those that were.
    """
    folders = sorted(folder.iterdir()) if folder.is_dir() else []
    files = size = counted = 0
    for inner in folders:
        with os.scandir(inner) as entries:
            sizes = [entry.stat().st_size for entry in entries]
        files, size, counted = files + len(sizes), size + sum(sizes), counted + 1
        if files >= limit:
            break
    share = counted / len(folders) if folders else 1
    return round(files / share), round(size / share)


def _age(then: dt.datetime | None) -> int | None:
    return round((dt.datetime.now(dt.UTC) - then).total_seconds()) if then else None
