"""The registry in a bucket: `CURRENT` is written only over the generation that was read.

It holds, as JSON, the live bundle's id, its pin, the canary and the flips so far, so that all
change at once. Bundles are built in a local folder and sent; a finished one is never written again.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_store.bundle.format import MANIFEST, Manifest
from feature_store.bundle.pointers import Canary, Pin, new_canary, refuse_pinned
from feature_store.bundle.records import (
    BUNDLE_ID,
    PUBLISH,
    ROLLBACK,
    BundleRow,
    checked_id,
    flip,
    happened,
    newest_first,
    now,
    row_of,
    superfluous,
)
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote_pointer import Pointer, RemotePointer
from feature_store.bundle.tier import TierPointer
from feature_store.bundle.tiers_remote import RemoteTiers
from feature_store.bundle.transfer import UNFINISHED, read_remote_manifest, receive, remove, send
from feature_store.errors import BundleError, NoBundleError, StorageError
from feature_store.storage import Address, Bucket, Stored, Timing, parse_address

log = logging.getLogger(__name__)

GRACE = dt.timedelta(days=1)
"""How long a bundle stays that was live or sent: a reader elsewhere may still be fetching it."""


class RemoteRegistry:
    """The bundles under gs://bucket/prefix, and those in a local folder that wait to be sent."""

    def __init__(self, location: str, folder: Path, timing: Timing | None = None) -> None:
        """Take gs://bucket/prefix, and the folder in which bundles are built."""
        address = parse_address(location, prefix=True)
        self.location = str(address).rstrip("/")
        self.folder = Path(folder)
        self._bucket = Bucket(address.bucket, timing or Timing())
        self._prefix = f"{address.name}/" if address.name else ""
        self._local = BundleRegistry(self.folder)
        self._pointer = RemotePointer(self._bucket, self._prefix)
        self._tiers = RemoteTiers(location, timing)

    def list(self) -> list[BundleRow]:
        """Return the bundles in the bucket and those not yet sent, newest first.

        A damaged manifest is logged and left out.
        """
        rows = {row.bundle_id: row for row in self._local.list()}
        for row in self._rows(self._groups()):
            rows[row.bundle_id] = row
        return newest_first(rows.values())

    def current(self) -> str | None:
        """Return the live bundle's id, or None when nothing has been published."""
        return self.pointer().bundle_id

    def previous(self) -> str | None:
        """Return the bundle that a rollback would go back to; None if there is none."""
        return self._previous(self.pointer())

    def pointer(self) -> Pointer:
        """Read CURRENT; text that is no JSON is taken for the name of a bundle."""
        return self._pointer.read()

    def manifest(self, bundle_id: str) -> Manifest:
        """Return what a bundle says of itself; BundleError if there is none or it is damaged."""
        return read_remote_manifest(self._bucket, self._of(bundle_id))

    def receive(self, bundle_id: str, bundles: Path) -> Path:
        """Bring a bundle into the folder `bundles`, proven; see `transfer.receive`."""
        return receive(self._bucket, self._of(bundle_id), bundles)

    def publish(self, bundle_id: str, *, unless_pinned: bool = False) -> None:
        """Send a bundle as far as it is not there, and make it the live one.

        Every byte is verified before. Where another is pinned, the pin moves to this one; with
        `unless_pinned`, a pin is a BundleError. So it is if the bundle is bad, or if somebody else
        has published or pinned another meanwhile: then both bundles are there, and his is live.
        """
        with self._local.lock():
            before = self.pointer()
            if unless_pinned:
                refuse_pinned(before.pin, bundle_id)
            self._offer(bundle_id)
            self._flip(before, bundle_id, PUBLISH)

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        Doing it again goes back further. A pin moves along. Raises BundleError when there is
        nothing to go back to.
        """
        with self._local.lock():
            before = self.pointer()
            bundle_id = bundle_id or self._previous(before)
            if bundle_id is None:
                raise BundleError("no earlier bundle to go back to; publish one by its name")
            self._offer(bundle_id)
            self._flip(before, bundle_id, ROLLBACK)
        return bundle_id

    def pin(self, bundle_id: str | None = None) -> str:
        """Make a proven bundle, by default the live one, live until `unpin`; return its id."""
        with self._local.lock():
            before = self.pointer()
            wanted = bundle_id or before.bundle_id
            if wanted is None:
                raise NoBundleError(f"nothing has been published in {self.location} yet")
            self._offer(wanted)
            at = now()

            def pinned(said: Pointer) -> Pointer:
                self._pointer.refuse_conflict(before, said, wanted)
                return replace(said.with_live(wanted), pinned_at=at)

            if wanted == before.bundle_id:
                entry = happened("pin", pinned=wanted)
            else:
                entry = flip(PUBLISH, wanted, pinned=True)
            self._pointer.change(before, pinned, entry)
        log.info("%s is pinned in %s", wanted, self.location)
        return wanted

    def unpin(self) -> Pin | None:
        """Let builds publish again; return what was pinned."""
        before = self.pointer()
        if before.pin is not None:
            entry = happened("unpin", unpinned=before.pin.bundle_id)
            self._pointer.change(before, lambda said: replace(said, pinned_at=None), entry)
        return before.pin

    def pinned(self) -> Pin | None:
        """Return the pin; None where the live bundle is not pinned."""
        return self.pointer().pin

    def canary(self, bundle_id: str, share: float) -> Canary:
        """Give a proven bundle a share of all questions, above 0 and below 1, beside the live one.

        It is sent as far as it is not there, and is the only canary until `no_canary`, or until it
        is made live itself.
        """
        with self._local.lock():
            before = self.pointer()
            wanted = new_canary(bundle_id, share, before.bundle_id)
            self._offer(bundle_id)

            def set_beside(said: Pointer) -> Pointer:
                self._pointer.refuse_removed(before, said, bundle_id)
                new_canary(bundle_id, share, said.bundle_id)
                return replace(said, canary=wanted)

            entry = happened("canary", canary=bundle_id, share=wanted.share)
            self._pointer.change(before, set_beside, entry)
        log.info("%s is the canary in %s", bundle_id, self.location)
        return wanted

    def no_canary(self) -> bool:
        """Give all questions to the live bundle; return whether there was a canary."""
        before = self.pointer()
        if before.canary is not None:
            self._pointer.change(
                before, lambda said: replace(said, canary=None), happened("no canary")
            )
        return before.canary is not None

    def canary_pointer(self) -> Canary | None:
        """Return the canary, None if there is none."""
        return self.pointer().canary

    def tier_pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which fresh tier of a bundle is served, if any; BundleError if that is damaged."""
        return self._tiers.pointer(checked_id(bundle_id))

    def journal(self) -> Sequence[dict[str, Any]]:
        """Return what happened to the pointers, oldest first, as far as CURRENT remembers."""
        return self.pointer().flips

    def prune(self, keep: int, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove all but the `keep` newest proven bundles and the newest unproven; return which.

        The live bundle, the one that a rollback would take, the canary, and what was live or sent
        within the last day are never removed. Local copies go with those in the bucket, and
        bundles that were never sent as in a folder. With `dry_run`, nothing is: only said.
        """
        with self._local.lock():
            before, groups = self.pointer(), self._groups()
            spared = _lately(before, groups)
            if before.canary is not None:
                spared.add(before.canary.bundle_id)
            rows = newest_first(self._rows(groups))
            removed = superfluous(rows, keep, before.past, spared)
            if not dry_run:
                removed = self._announce(before, removed)
                self._remove(removed, groups)
        if not dry_run:
            self._local.prune(keep, spared={row.bundle_id for row in rows} - {*removed})
        return removed

    def _previous(self, pointer: Pointer) -> str | None:
        there = self._groups()
        earlier = (past for past in pointer.past[1:] if _is_finished(there.get(past, {})))
        return next(earlier, None)

    def _announce(self, before: Pointer, removed: tuple[str, ...]) -> tuple[str, ...]:
        """Say where every flip looks that nobody can go back to these any more.

        Returns them, or none of them if somebody flipped meanwhile, perhaps to one of them.
        """
        if not removed:
            return ()
        try:
            self._pointer.write(before.with_entry(happened("prune", removed=[*removed])))
        except StorageError as error:
            if error.reason != "changed":
                raise
            log.warning("no bundle is removed this time: %s", error)
            return ()
        return removed

    def _remove(self, removed: tuple[str, ...], groups: dict[str, dict[str, Stored]]) -> None:
        for gone in removed:
            remove(self._bucket, self._of(gone), groups[gone].values())
            log.info("removed %s", self._where(gone))
        for name, objects in groups.items():
            mark = objects.get(UNFINISHED)
            abandoned = mark is not None and mark.updated < dt.datetime.now(dt.UTC) - GRACE
            if abandoned and not _is_finished(objects):
                remove(self._bucket, self._of(name), objects.values())
                log.info("removed what was left of %s", self._where(name))

    def _offer(self, bundle_id: str) -> None:
        """See to it that the whole bundle is in the bucket, byte for byte as its gate passed it."""
        if not (self.folder / checked_id(bundle_id)).is_dir():
            self.receive(bundle_id, self.folder)
        send(self.folder / bundle_id, self._bucket, self._of(bundle_id))

    def _flip(self, before: Pointer, bundle_id: str, action: str) -> None:
        def flipped(said: Pointer) -> Pointer:
            self._pointer.refuse_conflict(before, said, bundle_id)
            return said.with_live(bundle_id)

        self._pointer.change(
            before, flipped, flip(action, bundle_id, pinned=before.pin is not None)
        )
        log.info("%s: %s is live in %s", action, bundle_id, self.location)

    def _groups(self) -> dict[str, dict[str, Stored]]:
        """The objects in the bucket by bundle and by their paths inside it."""
        groups: dict[str, dict[str, Stored]] = {}
        for entry in self._bucket.list(self._prefix):
            name, _, inside = entry.name.removeprefix(self._prefix).partition("/")
            if inside and BUNDLE_ID.fullmatch(name):
                groups.setdefault(name, {})[inside] = entry
        return groups

    def _rows(self, groups: dict[str, dict[str, Stored]]) -> Sequence[BundleRow]:
        rows = []
        for name, objects in groups.items():
            if _is_finished(objects):
                try:
                    manifest = self.manifest(name)
                except BundleError as error:
                    log.warning("%s", error)
                    continue
                if manifest.bundle_id == name:  # anything else is none of ours
                    rows.append(row_of(manifest))
        return rows

    def _of(self, bundle_id: str) -> str:
        return f"{self._prefix}{checked_id(bundle_id)}/"

    def _where(self, name: str) -> str:
        return str(Address(self._bucket.name, self._prefix + name))


def _is_finished(objects: dict[str, Stored]) -> bool:
    return MANIFEST in objects


def _lately(pointer: Pointer, groups: dict[str, dict[str, Stored]]) -> set[str]:
    """The bundles that were live, or were sent, within the time of grace."""
    since = dt.datetime.now(dt.UTC) - GRACE
    found = {
        name
        for name, objects in groups.items()
        if _is_finished(objects) and objects[MANIFEST].updated > since
    }
    flips = [entry for entry in pointer.flips if "bundle_id" in entry]
    # A bundle was live until the flip after its own.
    for entry, following in zip(flips, [*flips[1:], {"at": now()}], strict=True):
        if str(following.get("at", "")) > since.isoformat(timespec="seconds"):
            found.add(str(entry["bundle_id"]))
    return found
