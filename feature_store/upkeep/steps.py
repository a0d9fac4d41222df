"""The steps of an upkeep, each safe beside everything else and recorded as a run of its own."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

from feature_store.runs import Run, forget_runs, record_run
from feature_store.tables import open_store
from feature_store.tables.store import StoreUpkeep
from feature_store.upkeep.leftovers import remove_leftovers
from feature_store.upkeep.removal import Remover
from feature_store.upkeep.staging import remove_stale_staging
from feature_store.upkeep.thumbnails import remove_unseen_thumbnails

if TYPE_CHECKING:
    from feature_store.settings import Settings

log = logging.getLogger(__name__)

LEFTOVER_SECONDS = 24 * 3600
"""How old an unfinished file is before its writer is taken for dead."""


@dataclass(frozen=True)
class BundlesUpkeep:
    """The bundles that were removed, or would be, and their bytes."""

    removed: tuple[str, ...]
    freed_bytes: int


@dataclass(frozen=True)
class LeftoversUpkeep:
    """What was removed, or would be: half-made partitions, thumbnails, unfinished files, runs of
    the log, and the bytes of all of them."""

    staged_days: int
    thumbnails: int
    unfinished_files: int
    forgotten_runs: int
    freed_bytes: int


Done = TypeVar("Done", StoreUpkeep, BundlesUpkeep, LeftoversUpkeep)


def upkeep_store(settings: Settings) -> StoreUpkeep:
    """Compact the store, and remove rows superseded longer ago than history is kept."""
    days = settings.upkeep.history_days
    return _recorded(settings, "store", lambda: open_store(settings).upkeep(days))


def upkeep_bundles(settings: Settings, *, dry_run: bool = False) -> BundlesUpkeep:
    """Remove old bundles: never the live one, its predecessor, or one that a reader holds.

    With `dry_run`, only say which.
    """

    from feature_store.bundle.opening import registry_of

    def work() -> BundlesUpkeep:
        registry = registry_of(settings)
        sizes = {row.bundle_id: row.size_bytes for row in registry.list()}
        removed = registry.prune(settings.index.keep_bundles, dry_run=dry_run)
        return BundlesUpkeep(removed, sum(sizes.get(bundle_id, 0) for bundle_id in removed))

    return work() if dry_run else _recorded(settings, "bundles", work)


def upkeep_leftovers(settings: Settings, *, dry_run: bool = False) -> LeftoversUpkeep:
    """Remove stale staging, thumbnails that nothing shows, unfinished files, and old runs.

    With `dry_run`, only count them.
    """

    from feature_store.bundle.opening import registry_of

    def work() -> LeftoversUpkeep:
        upkeep, now = settings.upkeep, time.time()
        stale = Remover(now - upkeep.staging_days * 86400, dry_run)
        unfinished = remove_leftovers(settings.home, Remover(now - LEFTOVER_SECONDS, dry_run))
        staged_days, staged = remove_stale_staging(settings.staging, stale)
        store, registry = open_store(settings), registry_of(settings)
        unseen = remove_unseen_thumbnails(settings.thumbnails, store, registry, stale)
        before = dt.datetime.now(dt.UTC) - dt.timedelta(days=upkeep.runs_days)
        return LeftoversUpkeep(
            staged_days=staged_days,
            thumbnails=unseen.files,
            unfinished_files=unfinished.files,
            forgotten_runs=forget_runs(settings.home, before, dry_run=dry_run),
            freed_bytes=(unfinished + staged + unseen).freed_bytes,
        )

    return work() if dry_run else _recorded(settings, "leftovers", work)


def _recorded(settings: Settings, step: str, work: Callable[[], Done]) -> Done:
    """Do one step and note in the log of runs what it did, also if it failed."""
    started, clock = dt.datetime.now(dt.UTC), time.monotonic()

    def note(outcome: str, **detail: object) -> None:
        seconds = round(time.monotonic() - clock, 3)
        begun = started.isoformat(timespec="milliseconds")
        record_run(
            settings.home,
            Run("upkeep", "", begun, seconds, outcome, detail={"step": step, **detail}),
        )

    try:
        done = work()
    except Exception as error:
        note("failed", error=str(error))
        raise
    log.info("upkeep of the %s: %s", step, done)
    note("done" if any(asdict(done).values()) else "unchanged", **asdict(done))
    return done
