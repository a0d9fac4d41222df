"""Which bundles there are and which one is live: `CURRENT`, one small file, replaced atomically."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from feature_store.bundle.format import read_manifest, verify, verify_gate, write_synced
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.errors import BundleError, NoBundleError

log = logging.getLogger(__name__)

CURRENT, PUBLISHED = "CURRENT", "PUBLISHED.jsonl"
HIDDEN = (".building-", ".scratch-", ".removed-")
ABANDONED_SECONDS = 24 * 3600
BUNDLE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")


@dataclass(frozen=True)
class BundleRow:
    """One bundle of the registry, as people list it."""

    bundle_id: str
    created_at: str
    snapshot_version: int
    extractor: str
    items: int
    regions: int
    size_bytes: int
    gate_passed: bool | None
    """None: the gate has not judged yet."""


class BundleRegistry:
    """The folder of all bundles; one is live. Readers need no lock, writers take one."""

    def __init__(self, folder: Path) -> None:
        """Take the folder that holds the bundles; it need not exist yet."""
        self.folder = Path(folder)

    def list(self) -> list[BundleRow]:
        """Return every readable bundle, newest first; a damaged manifest is logged and left out."""
        rows = []
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.is_dir() and BUNDLE_ID.fullmatch(path.name):
                try:
                    rows.append(_row(path))
                except BundleError as error:
                    log.warning("%s", error)
        return sorted(rows, key=lambda row: (row.created_at, row.bundle_id), reverse=True)

    def current(self) -> str | None:
        """Return the live bundle's id, or None when nothing has been published."""
        try:
            # Bytes that are no text are no bundle's name either: whoever opens it says so.
            return (self.folder / CURRENT).read_text(errors="backslashreplace").strip() or None
        except FileNotFoundError:
            return None

    def path(self, bundle_id: str) -> Path:
        """Return a bundle's folder; BundleError for a name that no bundle can have."""
        if not BUNDLE_ID.fullmatch(bundle_id):
            raise BundleError(f"{bundle_id!r} is not the name of a bundle")
        return self.folder / bundle_id

    def open(self, bundle_id: str | None = None) -> Bundle:
        """Open and verify a bundle, by default the live one; NoBundleError if there is none."""
        wanted = bundle_id or self.current()
        if wanted is None:
            raise NoBundleError(f"nothing has been published in {self.folder} yet; build an index")
        return open_bundle(self.path(wanted))

    def publish(self, bundle_id: str) -> None:
        """Make a bundle the live one after verifying every byte of it; BundleError if it is bad."""
        self._verify(bundle_id)
        with self._lock():
            self._flip(bundle_id, "publish")

    def rollback(self, bundle_id: str | None = None) -> str:
        """Go back to `bundle_id`, or to the one that was live before; return the live one's id.

        Doing it again goes back further. Raises BundleError when there is nothing to go back to.
        """
        with self._lock():
            earlier = [past for past in self._history()[1:] if self.path(past).is_dir()]
            if bundle_id is None and not earlier:
                raise BundleError("no earlier bundle to go back to; publish one by its name")
            wanted = bundle_id or earlier[0]
            self._verify(wanted)
            self._flip(wanted, "rollback")
        return wanted

    def prune(self, keep: int, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove all but the `keep` newest proven bundles and the newest unproven; return which.

        The live bundle and the one that a rollback would take are never removed. With `dry_run`,
        nothing is: only said.
        """
        with self._lock():
            rows = self.list()
            proven = [row.bundle_id for row in rows if row.gate_passed]
            unproven = [row.bundle_id for row in rows if not row.gate_passed]
            kept = {*proven[:keep], *unproven[:1], *self._history()[:2]}
            removed = tuple(row.bundle_id for row in rows if row.bundle_id not in kept)
            if dry_run:
                return removed
            for gone in removed:
                # Out of sight first: a reader never sees half a bundle.
                hidden = self.folder / f".removed-{gone}"
                self.path(gone).rename(hidden)
                shutil.rmtree(hidden)
            self._sweep()
        return removed

    def _sweep(self) -> None:
        """Remove what killed builds and removals left behind more than a day ago."""
        for path in self.folder.glob(".*-*"):
            abandoned = path.stat().st_mtime < time.time() - ABANDONED_SECONDS
            if path.is_dir() and path.name.startswith(HIDDEN) and abandoned:
                shutil.rmtree(path, ignore_errors=True)

    def _verify(self, bundle_id: str) -> None:
        path = self.path(bundle_id)
        manifest = read_manifest(path)
        verify(path, manifest)
        verify_gate(path, manifest)

    def _flip(self, bundle_id: str, action: str) -> None:
        write_synced(self.folder / CURRENT, bundle_id + "\n")
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        entry = json.dumps({"at": now, "action": action, "bundle_id": bundle_id})
        with (self.folder / PUBLISHED).open("a", encoding="utf-8") as file:
            file.write(entry + "\n")
            file.flush()
            os.fsync(file.fileno())
        log.info("%s: %s is live", action, bundle_id)

    def _history(self) -> Sequence[str]:
        """The live bundle, the one before it, and so on, as the log of flips tells it."""
        stack: list[str] = []
        try:
            lines = (self.folder / PUBLISHED).read_text().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                entry = json.loads(line)
                flipped, back = str(entry["bundle_id"]), entry["action"] == "rollback"
            except (ValueError, KeyError, TypeError):
                continue  # a line cut short by a power failure: CURRENT below is what counts
            if back and flipped in stack:
                stack = stack[stack.index(flipped) :]
            else:
                stack = [flipped, *(past for past in stack if past != flipped)]
        live = self.current()
        if live is not None and stack[:1] != [live]:
            stack = [live, *(past for past in stack if past != live)]
        return stack

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _row(path: Path) -> BundleRow:
    manifest = read_manifest(path)
    return BundleRow(
        bundle_id=manifest.bundle_id,
        created_at=manifest.created_at,
        snapshot_version=manifest.snapshot_version,
        extractor=manifest.extractor,
        items=manifest.counts.items,
        regions=manifest.counts.regions,
        size_bytes=sum(entry.bytes for entry in manifest.files.values()),
        gate_passed=manifest.gate_passed,
    )
