"""The tiers of the bundles in a bucket, under the same paths as in a folder.

A tier is there once its manifest is, which is sent last; the pointer is written only over the
generation that was read.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
import shutil
from collections.abc import Collection
from pathlib import Path

from feature_store.bundle.format import MANIFEST, sync
from feature_store.bundle.tier import (
    FRESH,
    POINTER,
    TierManifest,
    TierPointer,
    is_tier_id,
    parse_pointer,
    parse_tier_manifest,
    prove_tier,
    tiers_folder,
)
from feature_store.bundle.tiers import keep_tier
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Address, Bucket, Stored, Timing, parse_address

log = logging.getLogger(__name__)

GRACE = dt.timedelta(hours=1)
"""How long a tier stays after another took its place: a reader elsewhere may be fetching it."""

_MAX_TEXT_BYTES = 2**20
_ATTEMPTS = 5

_Tiers = dict[str, dict[str, Stored]]
"""The objects of tiers, by tier and by their names inside it."""


class RemoteTiers:
    """All tiers beside the bundles in a bucket; StorageError where the bucket fails."""

    def __init__(self, location: str, timing: Timing | None = None) -> None:
        """Take gs://bucket/prefix of the bundles."""
        address = parse_address(location, prefix=True)
        self._bucket = Bucket(address.bucket, timing or Timing())
        self._prefix = (f"{address.name}/" if address.name else "") + f"{FRESH}/"

    def pointer(self, bundle_id: str) -> TierPointer | None:
        """Return which tier of a bundle is served, if any; BundleError if that is damaged."""
        name = self._pointer(bundle_id)
        data, _ = self._read(name)
        return None if data is None else parse_pointer(data, self._where(name))

    def receive(self, bundle_id: str, tier_id: str, bundles: Path) -> Path:
        """Bring a tier into the folder `bundles`, proven; return its folder.

        One that is there already is not fetched again, unless it is damaged. BundleError for one
        that is missing or damaged.
        """
        folder = tiers_folder(bundles, bundle_id)
        final, partial = folder / tier_id, folder / f".receiving-{tier_id}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".receiving").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if final.is_dir():
                try:
                    prove_tier(final)
                    return final
                except BundleError as error:
                    log.warning("fetching it again: %s", error)
            shutil.rmtree(partial, ignore_errors=True)  # of a transfer that was killed
            partial.mkdir()
            try:
                self._fetch(f"{self._prefix}{bundle_id}/{tier_id}/", partial)
                if prove_tier(partial).tier_id != tier_id:
                    raise BundleError(f"{tier_id} of bundle {bundle_id} is another tier")
                keep_tier(partial, final)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return final

    def send(self, folder: Path, bundle_id: str) -> None:
        """Put the tier in `folder` into the bucket, all but what is there already."""
        manifest = prove_tier(folder)
        prefix = f"{self._prefix}{bundle_id}/{manifest.tier_id}/"
        there = {entry.name.removeprefix(prefix): entry for entry in self._bucket.list(prefix)}
        if MANIFEST in there:
            return  # and so are the others, whose bytes the tier's name vouches for
        for name in [*sorted(manifest.files), MANIFEST]:
            generation = there[name].generation if name in there else 0
            try:
                self._bucket.upload(prefix + name, folder / name, if_generation=generation)
            except StorageError as error:
                if error.reason != "changed":  # somebody else sends the same tier
                    raise

    def point_at(self, bundle_id: str, pointer: TierPointer) -> None:
        """Have a tier served, unless one of a newer snapshot is; a damaged pointer is replaced."""
        name = self._pointer(bundle_id)
        for _ in range(_ATTEMPTS):
            data, generation = self._read(name)
            if data is not None and _is_newer(data, pointer):
                log.info("a newer tier of bundle %s is served already", bundle_id)
                return
            try:
                self._bucket.write(name, pointer.to_json().encode(), if_generation=generation)
                return
            except StorageError as error:
                if error.reason != "changed":
                    raise
        raise BundleError(f"{self._where(name)} is changed all the time; try again")

    def prune(self, keep: int, bundle_ids: Collection[str]) -> tuple[str, ...]:
        """Remove all tiers of a bundle but the `keep` newest and the served one; return which.

        All of them where the bundle is none of `bundle_ids`; none that was sent within the last
        hour.
        """
        removed: list[str] = []
        for bundle_id, tiers in self._tiers().items():
            known = bundle_id in bundle_ids
            gone = self._superfluous(bundle_id, tiers, keep if known else 0)
            for tier_id in gone:
                self._remove(tiers[tier_id])
            if not known and len(gone) == len(tiers):
                self._bucket.delete(self._pointer(bundle_id))
            removed += gone
        return tuple(removed)

    def _superfluous(self, bundle_id: str, tiers: _Tiers, keep: int) -> list[str]:
        served = None
        if keep:
            try:
                served = self.pointer(bundle_id)
            except BundleError as error:
                log.warning("%s", error)
                return []  # any of them may be the served one
        since = dt.datetime.now(dt.UTC) - GRACE
        newest = sorted(tiers, key=lambda tier: _sent(tiers[tier]), reverse=True)
        return [
            tier_id
            for tier_id in newest[keep:]
            if _sent(tiers[tier_id]) < since and (served is None or served.tier_id != tier_id)
        ]

    def _fetch(self, prefix: str, folder: Path) -> None:
        manifest = self._manifest(prefix)
        for name, digest in sorted(manifest.files.items()):
            try:
                self._bucket.download(prefix + name, folder / name, digest.bytes)
            except StorageError as error:
                if error.reason not in ("missing", "too_large"):
                    raise
                raise BundleError(f"the tier is not whole: {error}") from error
        (folder / MANIFEST).write_text(manifest.to_json())
        sync(folder / MANIFEST)

    def _manifest(self, prefix: str) -> TierManifest:
        name = prefix + MANIFEST
        try:
            data = self._bucket.read(name, _MAX_TEXT_BYTES)[0]
        except StorageError as error:
            if error.reason not in ("missing", "too_large"):
                raise
            raise BundleError(f"{self._where(name)} is no tier's: {error}") from error
        return parse_tier_manifest(data, self._where(name))

    def _remove(self, objects: dict[str, Stored]) -> None:
        for name in sorted(objects, key=lambda name: (name != MANIFEST, name)):
            self._bucket.delete(objects[name].name)

    def _tiers(self) -> dict[str, _Tiers]:
        """The objects in the bucket by bundle, by tier, and by their names inside it."""
        found: dict[str, _Tiers] = {}
        for entry in self._bucket.list(self._prefix):
            bundle_id, _, rest = entry.name.removeprefix(self._prefix).partition("/")
            tier_id, _, name = rest.partition("/")
            if name and is_tier_id(tier_id):
                found.setdefault(bundle_id, {}).setdefault(tier_id, {})[name] = entry
        return found

    def _read(self, name: str) -> tuple[bytes | None, int]:
        """An object's bytes and generation; None and 0 where there is none."""
        try:
            return self._bucket.read(name, _MAX_TEXT_BYTES)
        except StorageError as error:
            if error.reason != "missing":
                raise
            return None, 0

    def _pointer(self, bundle_id: str) -> str:
        return f"{self._prefix}{bundle_id}/{POINTER}"

    def _where(self, name: str) -> str:
        return str(Address(self._bucket.name, name))


def _is_newer(data: bytes, pointer: TierPointer) -> bool:
    try:
        return parse_pointer(data, "").snapshot_version > pointer.snapshot_version
    except BundleError:
        return False


def _sent(objects: dict[str, Stored]) -> dt.datetime:
    return max(entry.updated for entry in objects.values())
