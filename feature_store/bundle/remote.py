"""The registry in a bucket: `CURRENT` is written only over the generation that was read.

It holds, as JSON, the live bundle's id and the flips so far, so that both change at once. Bundles
are built in a local folder and sent; a finished one is never written again.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_store.bundle.format import MANIFEST, Manifest
from feature_store.bundle.records import (
    BUNDLE_ID,
    CURRENT,
    BundleRow,
    checked_id,
    flip,
    history,
    newest_first,
    row_of,
    superfluous,
)
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.transfer import UNFINISHED, read_remote_manifest, receive, remove, send
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Address, Bucket, Stored, Timing, parse_address

log = logging.getLogger(__name__)

GRACE = dt.timedelta(days=1)
"""How long a bundle stays that was live or sent: a reader elsewhere may still be fetching it."""

FLIPS_KEPT = 500
_MAX_POINTER_BYTES = 2**20
_ATTEMPTS = 5


@dataclass(frozen=True)
class Pointer:
    """What CURRENT says, and its generation: 0 when there is none."""

    bundle_id: str | None
    flips: tuple[dict[str, Any], ...]
    generation: int

    @property
    def past(self) -> list[str]:
        """The live bundle, the one before it, and so on."""
        return history(self.flips, self.bundle_id)


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
        try:
            data, generation = self._bucket.read(self._prefix + CURRENT, _MAX_POINTER_BYTES)
        except StorageError as error:
            if error.reason != "missing":
                raise
            return Pointer(None, (), 0)
        text = data.decode(errors="backslashreplace").strip()
        try:
            said = json.loads(text)
            flips = tuple(entry for entry in said["flips"] if isinstance(entry, dict))
            live = said["bundle_id"]
            return Pointer(None if live is None else str(live), flips, generation)
        except (ValueError, KeyError, TypeError):
            return Pointer(text or None, (), generation)

    def manifest(self, bundle_id: str) -> Manifest:
        """Return what a bundle says of itself; BundleError if there is none or it is damaged."""
        return read_remote_manifest(self._bucket, self._of(bundle_id))

    def receive(self, bundle_id: str, bundles: Path) -> Path:
        """Bring a bundle into the folder `bundles`, proven; see `transfer.receive`."""
        return receive(self._bucket, self._of(bundle_id), bundles)

    def publish(self, bundle_id: str) -> None:
        """Send a bundle as far as it is not there, and make it the live one.

        Every byte is verified before. Raises BundleError if it is bad, or if somebody else has
        published another meanwhile: then both bundles are there, and his is live.
        """
        with self._local.lock():
            before = self.pointer()
            self._offer(bundle_id)
            self._flip(before, bundle_id, "publish")

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        Doing it again goes back further. Raises BundleError when there is nothing to go back to.
        """
        with self._local.lock():
            before = self.pointer()
            bundle_id = bundle_id or self._previous(before)
            if bundle_id is None:
                raise BundleError("no earlier bundle to go back to; publish one by its name")
            self._offer(bundle_id)
            self._flip(before, bundle_id, "rollback")
        return bundle_id

    def prune(self, keep: int, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove all but the `keep` newest proven bundles and the newest unproven; return which.

        The live bundle, the one that a rollback would take, and what was live or sent within the
        last day are never removed. Local copies go with those in the bucket, and bundles that
        were never sent as in a folder. With `dry_run`, nothing is removed: only said.
        """
        with self._local.lock():
            before, groups = self.pointer(), self._groups()
            spared = _lately(before, groups)
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
        entry = {"at": _now(), "action": "prune", "removed": [*removed]}
        try:
            self._write(before.bundle_id, (*before.flips, entry), before.generation)
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
        # The mark tells our own write, whose answer was lost, from another's.
        entry = flip(action, bundle_id) | {"mark": uuid.uuid4().hex}
        for _ in range(_ATTEMPTS):
            try:
                self._write(bundle_id, (*before.flips, entry), before.generation)
            except StorageError as error:
                if error.reason != "changed":
                    raise
                now = self.pointer()
                if entry not in now.flips:
                    self._refuse_conflict(before, now, bundle_id)
                    before = now
                    continue
            log.info("%s: %s is live in %s", action, bundle_id, self.location)
            return
        raise BundleError(f"{self._where(CURRENT)} is changed all the time; try again")

    def _refuse_conflict(self, before: Pointer, now: Pointer, bundle_id: str) -> None:
        """Refuse to flip if another did, or took the bundle away, since `before` was read."""
        since = [entry for entry in now.flips if entry not in before.flips]
        flipped = any(entry.get("action") != "prune" for entry in since)
        if flipped or now.bundle_id != before.bundle_id:
            raise BundleError(
                f"somebody published {now.bundle_id} in {self.location} meanwhile, and it is live; "
                f"to replace it, publish {bundle_id} again: all of it is there"
            )
        if any(bundle_id in entry.get("removed", ()) for entry in since):
            raise BundleError(f"{self._where(bundle_id)} was removed meanwhile")

    def _write(
        self, bundle_id: str | None, flips: Iterable[dict[str, Any]], generation: int
    ) -> None:
        said = {"bundle_id": bundle_id, "flips": [*flips][-FLIPS_KEPT:]}
        text = json.dumps(said, indent=1) + "\n"
        self._bucket.write(self._prefix + CURRENT, text.encode(), if_generation=generation)

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
    for entry, following in zip(flips, [*flips[1:], {"at": _now()}], strict=True):
        if str(following.get("at", "")) > since.isoformat(timespec="seconds"):
            found.add(str(entry["bundle_id"]))
    return found


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
