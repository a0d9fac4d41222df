"""Bring the bundles that shoppers are answered from up to the store's newest snapshot."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from feature_store.bundle import Bundle, Searcher
from feature_store.bundle.tables import facet_columns, segment_names
from feature_store.bundle.tier import TierManifest, TierPointer, prove_tier
from feature_store.errors import BundleError, FreshTierError, NoBundleError
from feature_store.fresh.changes import Changes, find_changes
from feature_store.fresh.places import Places
from feature_store.fresh.settings import FreshSettings
from feature_store.fresh.subjects import NewPhotos, choose_subjects
from feature_store.fresh.vectors import read_vectors
from feature_store.fresh.write import Contents, write_tier
from feature_store.index.settings import IndexSettings
from feature_store.tables import FeatureStore, Snapshot, open_store
from feature_store.tables.settings import TablesSettings

log = logging.getLogger(__name__)


class RefreshSettings(Protocol):
    """The part of the settings that the fresh tier reads."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""

    @property
    def fresh(self) -> FreshSettings:
        """How large a tier may be, and how many are kept."""

    @property
    def index(self) -> IndexSettings:
        """How many look-alikes vote."""

    @property
    def tables(self) -> TablesSettings:
        """Which store holds the features."""


@dataclass(frozen=True)
class Refresh:
    """What became of one bundle's tier."""

    bundle_id: str
    tier_id: str | None
    """The tier that is served now; None where the bundle needs none."""
    written: bool
    """Whether it is another than before."""
    snapshot_version: int
    """The snapshot that the bundle and its tier are up to."""
    items: int = 0
    """Items that are new or changed."""
    regions: int = 0
    """Regions that the bundle does not have."""
    gone: int = 0
    """Items of the bundle that are no longer for sale."""
    waiting: int = 0
    """Items that the bundle's extractors have not described yet."""
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def refresh(
    settings: RefreshSettings, bundle_id: str | None = None, *, store: FeatureStore | None = None
) -> tuple[Refresh, ...]:
    """Write the tier of a bundle, by default of the live one and of the canary; return what became.

    Always looks at the newest snapshot, and does nothing where the tier holds it already: however
    many changes ask for it, running once after the last of them is enough. A canary that cannot be
    read is left out, since the service asks it nothing. Raises NoBundleError
    when nothing has been published, FreshTierError, leaving the tier as it was, when more has
    changed than a tier may hold, and IndexBuildError naming an item whose vector cannot be used.
    """
    places = Places(settings.bundles, settings.home / "bundles")
    wanted = [bundle_id] if bundle_id else places.answering()
    if not wanted:
        raise NoBundleError(f"nothing has been published in {settings.bundles}; build an index")
    with places.lock():
        snapshot = (store or open_store(settings)).snapshot()
        done: list[Refresh] = []
        for name in wanted:
            try:
                done.append(_Run(places, settings, snapshot, name).refresh())
            except BundleError as error:
                if name == wanted[0]:
                    raise
                log.warning("the canary %s is not brought up to date: %s", name, error)
        if any(one.written for one in done):
            places.prune(settings.fresh.keep_tiers)
    return tuple(done)


class _Run:
    """Brings one bundle up to a snapshot."""

    def __init__(
        self, places: Places, settings: RefreshSettings, snapshot: Snapshot, bundle_id: str
    ) -> None:
        self._places = places
        self._settings = settings
        self._snapshot = snapshot
        self._bundle_id = bundle_id
        self._begun = time.monotonic()

    def refresh(self) -> Refresh:
        """Write and publish the tier if it is not there yet."""
        pointer = self._places.pointer(self._bundle_id)
        before = self._served(pointer)
        version = self._snapshot.version
        if pointer is not None and before is not None and pointer.snapshot_version == version:
            return self._result(before, pointer.waiting, written=False)
        bundle = self._places.open_bundle(self._bundle_id)
        if pointer is None and bundle.manifest.snapshot_version == version:
            return self._result(None, 0, written=False)
        self._refuse_another_store(bundle)
        changes = find_changes(bundle, self._snapshot)
        if pointer is None and not len(changes.items) and not changes.gone:
            return self._result(None, changes.waiting, written=False)
        self._refuse_too_many(changes)
        manifest = self._write(bundle, changes)
        self._places.publish(manifest, version, changes.waiting)
        written = before is None or before.tier_id != manifest.tier_id
        return self._result(manifest, changes.waiting, written=written)

    def _served(self, pointer: TierPointer | None) -> TierManifest | None:
        """The manifest of the tier that is served, if it is whole and on this machine."""
        if pointer is None:
            return None
        try:
            return prove_tier(self._places.tiers(self._bundle_id) / pointer.tier_id)
        except BundleError as error:
            log.info("writing the tier anew: %s", error)
            return None

    def _refuse_another_store(self, bundle: Bundle) -> None:
        built, now = bundle.manifest.snapshot_version, self._snapshot.version
        if now < built:  # an empty one would take every item away
            raise FreshTierError(
                f"bundle {self._bundle_id} was built from snapshot {built}, but the newest of this "
                f"store is {now}: it is another store; see NITAMONO_TABLES_LOCATION"
            )

    def _refuse_too_many(self, changes: Changes) -> None:
        most = self._settings.fresh.max_regions
        if changes.new_regions > most:
            raise FreshTierError(
                f"{changes.new_regions} regions are new since bundle {self._bundle_id} was built, "
                f"and a fresh tier may have {most} (NITAMONO_FRESH_MAX_REGIONS): a new bundle is "
                "due; run the DAG similarity_index or 'nitamono index'. Until then answers stay as "
                "they are"
            )

    def _write(self, bundle: Bundle, changes: Changes) -> TierManifest:
        raw = read_vectors(self._snapshot, changes, bundle.manifest.parts)
        photos = NewPhotos(
            rows=changes.regions,
            owners=changes.owners,
            item_ids=changes.items["item_id"].to_pylist(),
            categories=changes.items["category"].to_pylist(),
            segments=_segments(bundle, changes),
            vectors=raw,
        )
        subject = choose_subjects(Searcher(bundle), photos, self._settings.index.attribution_voters)
        centred = bundle.projection.centre(raw) if len(raw) else raw
        folder = self._places.tiers(self._bundle_id)
        contents = Contents(changes, centred, subject)
        return write_tier(folder, bundle, contents, self._snapshot.version)

    def _result(self, manifest: TierManifest | None, waiting: int, *, written: bool) -> Refresh:
        done = Refresh(
            bundle_id=self._bundle_id,
            tier_id=manifest.tier_id if manifest else None,
            written=written,
            snapshot_version=self._snapshot.version,
            items=manifest.items if manifest else 0,
            regions=manifest.regions if manifest else 0,
            gone=manifest.gone if manifest else 0,
            waiting=waiting,
            seconds=round(time.monotonic() - self._begun, 3),
        )
        log.info("refreshed: %s", done.summary())
        return done


def _segments(bundle: Bundle, changes: Changes) -> np.ndarray[Any, np.dtype[np.int32]]:
    """The bundle's segment of each new region, -1 for one that it does not have."""
    names = segment_names(facet_columns(changes.items), bundle.manifest.segmented_by).to_pylist()
    numbers = {segment.name: segment.number for segment in bundle.segments}
    of_items = np.array([numbers.get(name, -1) for name in names], np.int32)
    return of_items[changes.owners]
