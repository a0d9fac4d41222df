"""The tiers of the bundles in a folder: which one is served, and which may go."""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_store.bundle.format import MANIFEST, write_synced
from feature_store.bundle.lease import forget, hold, lease_file, unheld
from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import (
    FRESH,
    POINTER,
    Tier,
    TierPointer,
    is_tier_id,
    open_tier,
    read_pointer,
    tiers_folder,
)
from feature_store.errors import BundleError

log = logging.getLogger(__name__)


class TierShelf:
    """All tiers beside the bundles in a folder. Readers need no lock, writers take one."""

    def __init__(self, bundles: Path) -> None:
        """Take the folder that holds the bundles; it need not exist yet."""
        self.bundles = Path(bundles)

    def pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which tier of a bundle is served, if any; BundleError if that cannot be read."""
        return read_pointer(self.bundles, bundle_id)

    def open(self, bundle: Bundle) -> Tier | None:
        """Open and verify the tier of a bundle that is served, None where there is none.

        Its lease is held for as long as it is in use. BundleError if it is missing or damaged.
        """
        pointer = self.pointer(bundle.bundle_id)
        while pointer is not None:
            folder = tiers_folder(self.bundles, bundle.bundle_id) / pointer.tier_id
            try:
                return open_tier(folder, bundle, lease=hold(folder))
            except BundleError:
                before, pointer = pointer, self.pointer(bundle.bundle_id)
                if pointer == before:
                    raise  # nor has another taken its place meanwhile
        return None

    def point_at(self, bundle_id: str, pointer: TierPointer) -> None:
        """Have a tier served that lies in its place; atomic."""
        write_synced(tiers_folder(self.bundles, bundle_id) / POINTER, pointer.to_json())

    def prune(self, keep: int, bundle_ids: Collection[str]) -> tuple[str, ...]:
        """Remove all tiers of a bundle but the `keep` newest and the served one; return which.

        All of them where the bundle is none of `bundle_ids`. Never one that a process has open.
        Within `lock`.
        """
        removed: list[str] = []
        folder = self.bundles / FRESH
        for of_bundle in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not of_bundle.is_dir():
                continue
            if of_bundle.name in bundle_ids:
                removed += self._prune_bundle(of_bundle, keep)
            else:
                (of_bundle / POINTER).unlink(missing_ok=True)
                removed += self._prune_bundle(of_bundle, 0)
                if not any(is_tier_id(path.name) for path in of_bundle.iterdir()):
                    shutil.rmtree(of_bundle, ignore_errors=True)
        return tuple(removed)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all other writers of tiers in this folder waiting meanwhile."""
        folder = self.bundles / FRESH
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _prune_bundle(self, folder: Path, keep: int) -> Iterator[str]:
        try:
            pointer = read_pointer(self.bundles, folder.name)
        except BundleError as error:
            log.warning("%s", error)
            return  # any of them may be the served one
        tiers = [path for path in folder.iterdir() if is_tier_id(path.name)]
        tiers.sort(key=_written, reverse=True)
        for path in tiers[keep:]:
            if pointer is None or path.name != pointer.tier_id:
                with unheld(path) as free:
                    if free:
                        _take_away(path)
                        yield path.name


def keep_tier(folder: Path, final: Path) -> None:
    """Put a finished tier in its place; one that is there already was killed half removed."""
    shutil.rmtree(final, ignore_errors=True)
    folder.rename(final)
    # Whoever may only read the folder can lock the file, but could not make it.
    lease_file(final).touch()


def _take_away(path: Path) -> None:
    # Out of sight first: a reader never sees half a tier.
    hidden = path.with_name(f".removed-{path.name}")
    shutil.rmtree(hidden, ignore_errors=True)
    path.rename(hidden)
    shutil.rmtree(hidden)
    forget(path)


def _written(path: Path) -> float:
    try:
        return (path / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0
