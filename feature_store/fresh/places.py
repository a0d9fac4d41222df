"""Where the tiers of a home are: beside its bundles, and beside those in a bucket."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_store.bundle import Bundle, RemoteRegistry, open_bundle, open_registry
from feature_store.bundle.format import ITEMS_FILE, MEAN, REGIONS_FILE, digest_file, read_manifest
from feature_store.bundle.lease import hold
from feature_store.bundle.records import BUNDLE_ID, checked_id
from feature_store.bundle.tier import TierManifest, TierPointer, tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.errors import BundleError

log = logging.getLogger(__name__)


class Places:
    """The bundles and the tiers of one home."""

    def __init__(self, location: str, folder: Path) -> None:
        """Take the folder, or gs://bucket/prefix, of the bundles, and the one they are built in."""
        self._registry = open_registry(location, folder)
        self._shelf = TierShelf(self._registry.folder)
        of_bucket = isinstance(self._registry, RemoteRegistry)
        self._remote = RemoteTiers(self._registry.location) if of_bucket else None

    def answering(self) -> list[str]:
        """Return the bundles that shoppers are answered from: the live one, and the canary.

        One that cannot be told counts as none: the service asks none either.
        """
        try:
            canary = self._registry.canary_pointer()
        except BundleError as error:
            log.warning("no canary is brought up to date: %s", error)
            canary = None
        found = [self._registry.current(), canary.bundle_id if canary else None]
        return list(dict.fromkeys(name for name in found if name))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all others of this machine who would write tiers waiting meanwhile."""
        with self._shelf.lock():
            yield

    def open_bundle(self, bundle_id: str) -> Bundle:
        """Open a bundle whose tables are what its manifest says; it is fetched if it is not here.

        The index itself is not held against its digest: it only takes part in votes.
        """
        folder = self._registry.folder / checked_id(bundle_id)
        if isinstance(self._registry, RemoteRegistry) and not folder.is_dir():
            self._registry.receive(bundle_id, self._registry.folder)
        read_manifest(folder)  # before a lease is made of what is no bundle
        bundle = open_bundle(folder, proven=False, lease=hold(folder))
        for name in (ITEMS_FILE, REGIONS_FILE, MEAN):
            if digest_file(folder / name) != bundle.manifest.files.get(name):
                raise BundleError(f"{folder / name} is damaged: it is not what the manifest says")
        return bundle

    def tiers(self, bundle_id: str) -> Path:
        """Return the folder in which the tiers of a bundle are written."""
        return tiers_folder(self._registry.folder, bundle_id)

    def pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which tier of a bundle is served; one that cannot be read counts as none."""
        try:
            if self._remote is not None:
                return self._remote.pointer(bundle_id)
            return self._shelf.pointer(bundle_id)
        except BundleError as error:
            log.warning("%s", error)
            return None

    def publish(self, manifest: TierManifest, version: int, waiting: int) -> TierPointer:
        """Have a tier served that lies in its place; `version`: the snapshot that it is up to.

        In a bucket, what another machine has brought up to a newer snapshot stays. The tier and
        the pointer change atomically, in this order: a reader finds what the pointer names.
        """
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        pointer = TierPointer(manifest.tier_id, at, version, waiting)
        if self._remote is not None:
            folder = self.tiers(manifest.bundle_id) / manifest.tier_id
            self._remote.send(folder, manifest.bundle_id)
            self._remote.point_at(manifest.bundle_id, pointer)
        self._shelf.point_at(manifest.bundle_id, pointer)
        return pointer

    def prune(self, keep: int) -> None:
        """Remove tiers that nobody needs; within `lock`."""
        folder = self._registry.folder
        names = {path.name for path in folder.iterdir() if BUNDLE_ID.fullmatch(path.name)}
        removed = self._shelf.prune(keep, names)
        if self._remote is not None:
            names |= {row.bundle_id for row in self._registry.list()}
            removed += self._remote.prune(keep, names)
        if removed:
            log.info("removed tiers: %s", ", ".join(removed))
