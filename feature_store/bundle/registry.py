"""The registry in a folder: `CURRENT`, one small file, is replaced atomically."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feature_store.bundle.format import Manifest, prove, read_manifest, write_synced
from feature_store.bundle.lease import forget, hold, unheld
from feature_store.bundle.open import Bundle, open_bundle
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
from feature_store.errors import BundleError, NoBundleError

log = logging.getLogger(__name__)

PUBLISHED = "PUBLISHED.jsonl"
HIDDEN = (".building-", ".scratch-", ".removed-")
ABANDONED_SECONDS = 24 * 3600


class BundleRegistry:
    """The folder of all bundles; one is live. Readers need no lock, writers take one."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that holds the bundles; it need not exist yet."""
        self.folder = Path(folder)

    @property
    def location(self) -> str:
        """The folder, as people name it."""
        return str(self.folder)

    def list(self) -> list[BundleRow]:
        """Return every readable bundle, newest first; a damaged manifest is logged and left out."""
        rows = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and BUNDLE_ID.fullmatch(path.name):
                try:
                    rows.append(row_of(read_manifest(path)))
                except BundleError as error:
                    log.warning("%s", error)
        return newest_first(rows)

    def current(self) -> str | None:
        """Return the live bundle's id, or None when nothing has been published."""
        try:
            # Bytes that are no text are no bundle's name either: whoever opens it says so.
            return (self.folder / CURRENT).read_text(errors="backslashreplace").strip() or None
        except FileNotFoundError:
            return None

    def previous(self) -> str | None:
        """Return the bundle that a rollback would go back to; None if there is none."""
        return next((past for past in self._history()[1:] if self.path(past).is_dir()), None)

    def path(self, bundle_id: str) -> Path:
        """Return a bundle's folder; BundleError for a name that no bundle can have."""
        return self.folder / checked_id(bundle_id)

    def manifest(self, bundle_id: str) -> Manifest:
        """Return what a bundle says of itself; BundleError if there is none or it is damaged."""
        return read_manifest(self.path(bundle_id))

    def open(self, bundle_id: str | None = None) -> Bundle:
        """Open and verify a bundle, by default the live one; NoBundleError if there is none.

        Its lease is held for as long as the bundle, here or in a forked process, is in use.
        """
        wanted = bundle_id or self.current()
        if wanted is None:
            raise NoBundleError(f"nothing has been published in {self.folder} yet; build an index")
        path = self.path(wanted)
        read_manifest(path)  # before a lease is made of what is no bundle
        lease = hold(path)
        return open_bundle(path, lease=lease)

    def publish(self, bundle_id: str) -> None:
        """Make a bundle the live one after verifying every byte of it; BundleError if it is bad."""
        prove(self.path(bundle_id))
        self.point_at(bundle_id)

    def point_at(self, bundle_id: str) -> None:
        """Make a bundle the live one that the caller has just proven."""
        with self.lock():
            if not self.path(bundle_id).is_dir():
                raise BundleError(f"{self.path(bundle_id)} has been removed meanwhile")
            self._flip(bundle_id, "publish")

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        Doing it again goes back further. Raises BundleError when there is nothing to go back to.
        """
        with self.lock():
            wanted = bundle_id or self.previous()
            if wanted is None:
                raise BundleError("no earlier bundle to go back to; publish one by its name")
            prove(self.path(wanted))
            self._flip(wanted, "rollback")
        return wanted

    def prune(
        self, keep: int, *, dry_run: bool = False, spared: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Remove all but the `keep` newest proven bundles and the newest unproven; return which.

        Never removed are the live bundle, the one that a rollback would take, those `spared`, and
        any that a process has open (see `lease`). With `dry_run`, nothing is: only said.
        """
        with self.lock():
            listed = superfluous(self.list(), keep, self._history(), spared)
            removed = tuple(gone for gone in listed if self._remove(gone, dry_run))
            if not dry_run:
                self._sweep()
        return removed

    def discard(self, bundle_id: str) -> None:
        """Remove a bundle, whether or not somebody has it open, who keeps what he has mapped."""
        with self.lock():
            self._take_away(self.path(bundle_id))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all other writers of this folder waiting meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _remove(self, bundle_id: str, dry_run: bool) -> bool:
        path = self.path(bundle_id)
        with unheld(path) as free:
            if not free:
                log.info("bundle %s is open somewhere; it stays for now", bundle_id)
            elif not dry_run:
                self._take_away(path)
                forget(path)
        return free

    def _take_away(self, path: Path) -> None:
        """Remove a bundle's folder; out of sight first, since a reader never sees half a bundle."""
        hidden = self.folder / f".removed-{path.name}"
        shutil.rmtree(hidden, ignore_errors=True)  # of a removal that was killed
        path.rename(hidden)
        shutil.rmtree(hidden)

    def _sweep(self) -> None:
        """Remove what killed builds and removals left behind more than a day ago."""
        for path in self.folder.glob(".*-*"):
            abandoned = path.stat().st_mtime < time.time() - ABANDONED_SECONDS
            if path.is_dir() and path.name.startswith(HIDDEN) and abandoned:
                shutil.rmtree(path, ignore_errors=True)

    def _flip(self, bundle_id: str, action: str) -> None:
        write_synced(self.folder / CURRENT, bundle_id + "\n")
        with (self.folder / PUBLISHED).open("a", encoding="utf-8") as file:
            file.write(json.dumps(flip(action, bundle_id)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        log.info("%s: %s is live", action, bundle_id)

    def _history(self) -> Sequence[str]:
        return history(self._flips(), self.current())

    def _flips(self) -> Iterator[dict[str, Any]]:
        """The log of flips; a line cut short by a power failure is none, CURRENT is what counts."""
        try:
            lines = (self.folder / PUBLISHED).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry
