"""What every registry of bundles can do, and which one a location means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from feature_store.bundle.format import Manifest
from feature_store.bundle.pointers import Canary, Pin
from feature_store.bundle.records import BundleRow
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.bundle.tier import TierPointer
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

    def publish(self, bundle_id: str, *, unless_pinned: bool = False) -> None:
        """Make a bundle the live one after verifying every byte of it.

        Where another is pinned, the pin moves along; with `unless_pinned`, that is a BundleError.
        """

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        A pin moves along.
        """

    def pin(self, bundle_id: str | None = None) -> str:
        """Make a proven bundle, by default the live one, live until `unpin`; return its id."""

    def unpin(self) -> Pin | None:
        """Let builds publish again; return what was pinned."""

    def pinned(self) -> Pin | None:
        """Return the pin; None where the live bundle is not pinned."""

    def canary(self, bundle_id: str, share: float) -> Canary:
        """Give a proven bundle a share of all questions, beside the live one."""

    def no_canary(self) -> bool:
        """Give all questions to the live bundle; return whether there was a canary."""

    def canary_pointer(self) -> Canary | None:
        """Return the canary, None if there is none."""

    def tier_pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which fresh tier of a bundle is served, if any."""

    def journal(self) -> Sequence[dict[str, Any]]:
        """Return what happened to the pointers, oldest first."""

    def prune(self, keep: int, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove old bundles, never the live one nor one that is needed; return which."""


def open_registry(location: str, folder: Path) -> Registry:
    """Return the registry at a folder's path or gs://bucket/prefix.

    Bundles for a bucket are built in `folder`, those for a folder at once where they belong.
    """
    if location[: len(SCHEME)].lower() == SCHEME:
        return RemoteRegistry(location, folder)
    return BundleRegistry(Path(location))


class BundlesSettings(Protocol):
    """The part of the settings that says where bundles are."""

    @property
    def home(self) -> Path:
        """The folder that holds all state."""

    @property
    def bundles(self) -> str:
        """The folder, or gs://bucket/prefix, of bundles and of CURRENT."""


def registry_of(settings: BundlesSettings) -> Registry:
    """Return the registry of bundles of the settings; those for a bucket are built under home."""
    return open_registry(settings.bundles, settings.home / "bundles")
