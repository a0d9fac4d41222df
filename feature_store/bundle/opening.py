"""What every registry of bundles can do, and which one a location means."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from feature_store.bundle.format import Manifest
from feature_store.bundle.records import BundleRow
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.storage import SCHEME


class Registry(Protocol):
    """All bundles of one place, of which one is live; a bundle and the pointer change atomically.

    Raises BundleError for a bundle that cannot be used, and where the place is a bucket
    StorageError if that fails.
    """

    @property
    def location(self) -> str:
        """Where the bundles are, as people name it."""

    @property
    def folder(self) -> Path:
        """The folder in which bundles are built."""

    def list(self) -> list[BundleRow]:
        """Return every readable bundle, newest first."""

    def current(self) -> str | None:
        """Return the live bundle's id, or None when nothing has been published."""

    def previous(self) -> str | None:
        """Return the bundle that a rollback would go back to; None if there is none."""

    def manifest(self, bundle_id: str) -> Manifest:
        """Return what a bundle says of itself."""

    def publish(self, bundle_id: str) -> None:
        """Make a bundle the live one after verifying every byte of it."""

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id."""

    def prune(self, keep: int, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove old bundles, never the live one nor one that is needed; return which."""


def open_registry(location: str, folder: Path) -> Registry:
    """Return the registry at a folder's path or gs://bucket/prefix.

    Bundles for a bucket are built in `folder`, those for a folder at once where they belong.
    """
    if location[: len(SCHEME)].lower() == SCHEME:
        return RemoteRegistry(location, folder)
    return BundleRegistry(Path(location))
