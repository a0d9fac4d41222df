"""Two bundles by their names: `live`, an id, or by default what a person wants to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from feature_store.bundle import Bundle, Registry, RemoteRegistry
from feature_store.bundle.format import MANIFEST, read_manifest, verify
from feature_store.bundle.lease import hold
from feature_store.bundle.open import open_bundle
from feature_store.bundle.records import checked_id
from feature_store.errors import BundleError, NoBundleError

LIVE = "live"


def choose_pair(registry: Registry, before: str = "", after: str = "") -> tuple[str, str]:
    """Return the ids of the two bundles that are meant, the older one first.

    `live` means the live one. Without `before` it is that, too; without `after` it is the newest
    bundle. Without both, where the newest is live, the live one and the one before it. BundleError
    if there is nothing to compare.
    """
    live = registry.current()
    if live is None and (LIVE in (before, after) or (after and not before)):
        raise NoBundleError(f"nothing has been published in {registry.location} yet")
    if before or after:
        first, second = (str(live) if name in (LIVE, "") else name for name in (before, after))
        return first, second if after else _newest(registry)
    newest = _newest(registry)
    earlier = registry.previous() if newest == live else live
    if earlier is None:
        raise BundleError(f"{registry.location} holds nothing to compare {newest} with")
    return earlier, newest


def _newest(registry: Registry) -> str:
    rows = registry.list()
    if not rows:
        raise NoBundleError(f"there is no bundle in {registry.location} yet; build an index")
    return rows[0].bundle_id


@contextmanager
def opened(registry: Registry, bundle_id: str) -> Iterator[Bundle]:
    """Open a bundle, every byte verified, whether or not it passed a gate.

    Nobody removes it meanwhile. One of a bucket is brought to the folder where such are built.
    BundleError if it is missing or damaged.
    """
    folder = registry.folder / checked_id(bundle_id)
    if not (folder / MANIFEST).is_file() and isinstance(registry, RemoteRegistry):
        folder = registry.receive(bundle_id, registry.folder)
    read_manifest(folder)  # before a lease is made of what is no bundle
    lease = hold(folder)
    try:
        verify(folder, read_manifest(folder))
        yield open_bundle(folder, proven=False, lease=lease)
    finally:
        if lease:
            lease.release()
