"""The registry in a folder: `CURRENT`, one small file, is replaced atomically."""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feature_store.bundle.format import Manifest, prove, read_manifest, sync, write_synced
from feature_store.bundle.journal import Journal
from feature_store.bundle.lease import hold
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.bundle.pointers import (
    CANARY,
    PIN,
    Canary,
    Pin,
    is_canary,
    new_canary,
    parse_canary,
    pin_of,
    read_pinned_at,
    refuse_pinned,
)
from feature_store.bundle.records import (
    BUNDLE_ID,
    CURRENT,
    PUBLISH,
    ROLLBACK,
    BundleRow,
    checked_id,
    flip,
    happened,
    history,
    newest_first,
    now,
    refuse_renamed,
    row_of,
    superfluous,
)
from feature_store.bundle.removal import remove_unheld, sweep, take_away
from feature_store.bundle.tier import TierPointer, read_pointer
from feature_store.errors import BundleError, NoBundleError

log = logging.getLogger(__name__)

_ATTEMPTS = 10


class BundleRegistry:
    """The folder of all bundles; one is live. Readers need no lock, writers take one."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that holds the bundles; it need not exist yet."""
        self.folder = Path(folder)
        self._journal = Journal(self.folder)

    @property
    def location(self) -> str:
        """The folder, as people name it."""
        return str(self.folder)

    def list(self) -> list[BundleRow]:
        """Return every readable bundle, newest first; what is none is logged and left out."""
        rows = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and BUNDLE_ID.fullmatch(path.name):
                try:
                    manifest = read_manifest(path)
                    refuse_renamed(manifest, path.name)
                    rows.append(row_of(manifest))
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
        if bundle_id is not None:
            return self._open(bundle_id)
        for _ in range(_ATTEMPTS):
            live = self.current()
            if live is None:
                raise NoBundleError(
                    f"nothing has been published in {self.folder} yet; build an index"
                )
            try:
                return self._open(live)
            except BundleError:
                if self.current() == live:
                    raise  # otherwise it may have been removed since: look again
        raise BundleError(f"{self.folder / CURRENT} is changed all the time; try again")

    def publish(self, bundle_id: str, *, unless_pinned: bool = False) -> None:
        """Make a bundle the live one after verifying every byte of it; BundleError if it is bad.

        Where another is pinned, the pin moves to this one: a person chose both. Whoever is no
        person says `unless_pinned`: then a pin is a BundleError too.
        """
        self._prove(bundle_id)
        self.point_at(bundle_id, unless_pinned=unless_pinned)

    def point_at(self, bundle_id: str, *, unless_pinned: bool = False) -> None:
        """Make a bundle the live one that the caller has just proven."""
        with self.lock():
            self._must_be_there(bundle_id)
            if unless_pinned:
                refuse_pinned(self.pinned(), bundle_id)
            self._flip(bundle_id, PUBLISH)

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        Doing it again goes back further. A pin moves along. Raises BundleError when there is
        nothing to go back to.
        """
        with self.lock():
            wanted = bundle_id or self.previous()
            if wanted is None:
                raise BundleError("no earlier bundle to go back to; publish one by its name")
            self._prove(wanted)
            self._flip(wanted, ROLLBACK)
        return wanted

    def pin(self, bundle_id: str | None = None) -> str:
        """Make a proven bundle, by default the live one, live until `unpin`; return its id.

        The pin comes first: were this cut short, the bundle that was live would be pinned.
        """
        with self.lock():
            wanted = bundle_id or self.current()
            if wanted is None:
                raise NoBundleError(f"nothing has been published in {self.folder} yet")
            self._prove(wanted)
            self._write(PIN, json.dumps({"at": now()}) + "\n")
            self._journal.note(happened("pin", pinned=wanted))
            if wanted != self.current():
                self._flip(wanted, PUBLISH)
            log.info("%s is pinned", wanted)
        return wanted

    def unpin(self) -> Pin | None:
        """Let builds publish again; return what was pinned."""
        with self.lock():
            pin = self.pinned()
            self._take_off(PIN)
            if pin is not None:
                self._journal.note(happened("unpin", unpinned=pin.bundle_id))
        return pin

    def pinned(self) -> Pin | None:
        """Return the pin; None where the live bundle is not pinned."""
        text = self._said(PIN)
        return None if text is None else pin_of(self.current(), read_pinned_at(text))

    def canary(self, bundle_id: str, share: float) -> Canary:
        """Give a proven bundle a share of all questions, above 0 and below 1, beside the live one.

        It is the only canary until `no_canary`, or until it is made live itself.
        """
        with self.lock():
            wanted = new_canary(bundle_id, share, self.current())
            self._prove(bundle_id)
            self._write(CANARY, json.dumps(wanted.told()) + "\n")
            self._journal.note(happened("canary", canary=bundle_id, share=wanted.share))
            log.info("%s is the canary, for %g of all questions", bundle_id, wanted.share)
        return wanted

    def point_canary_at(self, canary: Canary) -> None:
        """Name a canary whose bundle the caller has just proven."""
        with self.lock():
            self._must_be_there(canary.bundle_id)
            self._write(CANARY, json.dumps(canary.told()) + "\n")

    def no_canary(self) -> bool:
        """Give all questions to the live bundle; return whether there was a canary."""
        with self.lock():
            there = self._said(CANARY) is not None
            self._take_off(CANARY)
            if there:
                self._journal.note(happened("no canary"))
        return there

    def canary_pointer(self) -> Canary | None:
        """Return the canary, None if there is none; BundleError if what is said of it is none."""
        text = self._said(CANARY)
        if text is None:
            return None
        where = str(self.folder / CANARY)
        try:
            return parse_canary(json.loads(text), where)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{where} names no canary: {error}; set it again, or off") from error

    def tier_pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which fresh tier of a bundle is served, if any; BundleError if that is damaged."""
        return read_pointer(self.folder, checked_id(bundle_id))

    def journal(self) -> Sequence[dict[str, Any]]:
        """Return what happened to the pointers, oldest first."""
        return [*self._journal.entries()]

    def prune(
        self, keep: int, *, dry_run: bool = False, spared: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Remove all but the `keep` newest proven bundles and the newest unproven; return which.

        Never removed are the live bundle, the one that a rollback would take, the canary, those
        `spared`, and any that a process has open (see `lease`). With `dry_run`, nothing is: only
        said.
        """
        with self.lock():
            canary = self.canary_pointer()
            spared = {*spared, *([canary.bundle_id] if canary else [])}
            listed = superfluous(self.list(), keep, self._history(), spared)
            removed = tuple(
                gone for gone in listed if remove_unheld(self.path(gone), dry_run=dry_run)
            )
            if not dry_run:
                sweep(self.folder)
        return removed

    def discard(self, bundle_id: str) -> None:
        """Remove a bundle, whether or not somebody has it open, who keeps what he has mapped."""
        with self.lock():
            take_away(self.path(bundle_id))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep all other writers of this folder waiting meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _prove(self, bundle_id: str) -> None:
        refuse_renamed(prove(self.path(bundle_id)), bundle_id)

    def _open(self, bundle_id: str) -> Bundle:
        path = self.path(bundle_id)
        # Before a lease is made of what is no bundle.
        refuse_renamed(read_manifest(path), bundle_id)
        lease = hold(path)
        return open_bundle(path, lease=lease)

    def _must_be_there(self, bundle_id: str) -> None:
        if not self.path(bundle_id).is_dir():
            raise BundleError(f"{self.path(bundle_id)} has been removed meanwhile")

    def _flip(self, bundle_id: str, action: str) -> None:
        if self._names_canary(bundle_id):  # before the flip: were it cut short, none is better
            self._take_off(CANARY)
        self._note_missed()
        self._write(CURRENT, bundle_id + "\n")
        self._journal.note(flip(action, bundle_id, pinned=self._said(PIN) is not None))
        log.info("%s: %s is live", action, bundle_id)

    def _note_missed(self) -> None:
        """Note what is live where it could not be noted in its time: one may go back to it."""
        live = self.current()
        known = live is not None and BUNDLE_ID.fullmatch(live) is not None
        if known and history(self._journal.entries(), None)[:1] != [live]:
            self._journal.note(flip(PUBLISH, str(live)))

    def _names_canary(self, bundle_id: str) -> bool:
        try:
            return is_canary(self.canary_pointer(), bundle_id)
        except BundleError:
            return False

    def _write(self, name: str, text: str) -> None:
        try:
            write_synced(self.folder / name, text)
        except OSError as error:
            raise BundleError(
                f"{self.folder / name} cannot be written ({error}); it is as it was"
            ) from error

    def _take_off(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)
        sync(self.folder)

    def _said(self, name: str) -> str | None:
        try:
            return (self.folder / name).read_text(errors="backslashreplace")
        except FileNotFoundError:
            return None

    def _history(self) -> Sequence[str]:
        return history(self._journal.entries(), self.current())
