"""A bundle's way into a bucket and back: every byte held against the manifest at both ends.

In a bucket a bundle is there once its manifest is, which is sent last. Until then, and again while
it is being removed, it is marked by the object `.unfinished`: nothing else is ever swept up.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from feature_store.bundle.format import GATE, MANIFEST, Manifest, parse_manifest, prove, sync
from feature_store.errors import BundleError, StorageError
from feature_store.storage import Address, Bucket, Stored, crc32c_of

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished"
MAX_TEXT_BYTES = 64 * 2**20
"""The most bytes of a manifest or a gate's report."""


def send(folder: Path, bucket: Bucket, prefix: str) -> None:
    """Put the proven bundle in `folder` under `prefix`, all but what is there already.

    Done again after it was cut short, it completes it. Raises BundleError if a finished bundle
    there is another one, StorageError if the bucket fails.
    """
    manifest = prove(folder)
    names = [*sorted(manifest.files), GATE, MANIFEST]
    there = _under(bucket, prefix)
    finished = MANIFEST in there
    wanted = [name for name in names if not _is_same(folder / name, there.get(name))]
    if finished:
        _refuse_others(folder, [name for name in wanted if name in there], bucket, prefix)
    else:
        _mark(bucket, prefix, there)
    for name in wanted:
        if name == MANIFEST:
            there = _under(bucket, prefix)
            _refuse_others(folder, _different(folder, names[:-1], there), bucket, prefix)
        with _unless_changed():
            bucket.upload(prefix + name, folder / name, if_generation=_generation(there, name))
    there = _under(bucket, prefix)
    _refuse_others(folder, _different(folder, names, there), bucket, prefix)
    if UNFINISHED in there:
        bucket.delete(prefix + UNFINISHED)
    log.info("sent %s: %d of %d files", folder.name, len(wanted), len(names))


def receive(bucket: Bucket, prefix: str, bundles: Path) -> Path:
    """Bring the bundle under `prefix` into the folder `bundles`, proven; return its folder.

    One that is there already is not fetched again, unless it is damaged. Raises BundleError for a
    bundle that is missing, damaged or was not passed by its gate, StorageError if the bucket fails.
    """
    name = PurePosixPath(prefix).name
    final, partial = bundles / name, bundles / f".building-{name}"
    bundles.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(bundles):
        if final.is_dir():
            try:
                prove(final)
                return final
            except BundleError as error:
                log.warning("fetching it again: %s", error)
        shutil.rmtree(partial, ignore_errors=True)  # of a transfer that was killed
        try:
            _receive_files(bucket, prefix, partial)
            prove(partial)
            _replace(final, partial)
        except OSError as error:
            raise BundleError(f"{final} cannot be written ({error})") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return final


def read_remote_manifest(bucket: Bucket, prefix: str) -> Manifest:
    """Read the manifest of the bundle under `prefix`; BundleError if it is missing or damaged."""
    return parse_manifest(_text(bucket, prefix, MANIFEST), _where(bucket, prefix, MANIFEST))


def remove(bucket: Bucket, prefix: str, objects: Iterable[Stored]) -> None:
    """Remove the objects of a bundle, its manifest first; what is cut short is swept up later."""
    listed = {entry.name.removeprefix(prefix): entry for entry in objects}
    _mark(bucket, prefix, listed)
    for name in sorted(listed, key=lambda name: (name == UNFINISHED, name != MANIFEST, name)):
        bucket.delete(prefix + name)
    bucket.delete(prefix + UNFINISHED)


def _receive_files(bucket: Bucket, prefix: str, folder: Path) -> None:
    text = _text(bucket, prefix, MANIFEST)
    manifest = parse_manifest(text, _where(bucket, prefix, MANIFEST))
    folder.mkdir()
    (folder / MANIFEST).write_bytes(text)
    (folder / GATE).write_bytes(_text(bucket, prefix, GATE))
    for name, digest in sorted(manifest.files.items()):
        if not _stays_inside(name):
            raise BundleError(f"{_where(bucket, prefix, MANIFEST)} names the file {name!r}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            bucket.download(prefix + name, path, digest.bytes)
        except StorageError as error:
            if error.reason not in ("missing", "too_large", "address"):
                raise
            raise BundleError(f"the bundle is not whole: {error}") from error
    for path in sorted(folder.rglob("*")):
        sync(path)


def _text(bucket: Bucket, prefix: str, name: str) -> bytes:
    try:
        return bucket.read(prefix + name, MAX_TEXT_BYTES)[0]
    except StorageError as error:
        if error.reason not in ("missing", "too_large"):
            raise
        raise BundleError(f"{_where(bucket, prefix, name)} is no bundle's: {error}") from error


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = "\0" not in name and path.as_posix() == name and name not in (MANIFEST, GATE)
    return plain and not path.is_absolute() and ".." not in path.parts and name != "."


def _replace(final: Path, partial: Path) -> None:
    if final.is_dir():
        damaged = final.with_name(f".removed-{final.name}")
        shutil.rmtree(damaged, ignore_errors=True)
        final.rename(damaged)
        shutil.rmtree(damaged, ignore_errors=True)
    partial.rename(final)
    sync(final.parent)


@contextmanager
def _one_at_a_time(bundles: Path) -> Iterator[None]:
    with (bundles / ".receiving").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mark(bucket: Bucket, prefix: str, there: dict[str, Stored]) -> None:
    with _unless_changed():
        bucket.write(prefix + UNFINISHED, b"", if_generation=_generation(there, UNFINISHED))


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Let it pass that somebody else was quicker, or our own first attempt: a last look decides."""
    try:
        yield
    except StorageError as error:
        if error.reason != "changed":
            raise


def _under(bucket: Bucket, prefix: str) -> dict[str, Stored]:
    return {entry.name.removeprefix(prefix): entry for entry in bucket.list(prefix)}


def _generation(there: dict[str, Stored], name: str) -> int:
    return there[name].generation if name in there else 0


def _is_same(path: Path, stored: Stored | None) -> bool:
    same_size = stored is not None and stored.size_bytes == path.stat().st_size
    return same_size and stored is not None and stored.crc32c == crc32c_of(path)


def _different(folder: Path, names: list[str], there: dict[str, Stored]) -> list[str]:
    return [name for name in names if not _is_same(folder / name, there.get(name))]


def _refuse_others(folder: Path, different: list[str], bucket: Bucket, prefix: str) -> None:
    if different:
        where = _where(bucket, prefix, different[0])
        raise BundleError(
            f"{where} is not what {folder} holds; a bundle is never changed, build another"
        )


def _where(bucket: Bucket, prefix: str, name: str) -> str:
    return str(Address(bucket.name, prefix + name))
