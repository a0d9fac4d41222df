"""Write a bundle: everything in a hidden folder first, synced, then in place by one rename."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    GATE,
    MANIFEST,
    PAGE,
    Manifest,
    digest_file,
    digest_folder,
    read_manifest,
    sync,
    verify,
    write_synced,
)
from feature_store.bundle.lease import lease_file
from feature_store.bundle.mapped import map_array
from feature_store.errors import BundleError

BUILDING, SCRATCH = ".building-", ".scratch-"
"""How the folders of a bundle in the making are called; the registry sweeps such."""


class BundleWriter:
    """A bundle in the making, in `folder`; readers of the registry never see it before it is whole.

    As a context manager it makes its folders, and removes what `finish` did not put in its place.
    A build of several steps, each perhaps a process of its own, makes them by `begin`, finds them
    again by `resume`, and removes them by `discard`; what is abandoned the registry sweeps away.
    """

    def __init__(self, bundles: Path, bundle_id: str) -> None:
        """Prepare the bundle `bundle_id` among the others in the folder `bundles`."""
        self.final = bundles / bundle_id
        """The bundle's place, once it is whole."""
        self.folder = bundles / f"{BUILDING}{bundle_id}"
        self.scratch = bundles / f"{SCRATCH}{bundle_id}"
        """A folder on the same filesystem for whatever will not be part of the bundle."""

    @classmethod
    def resume(cls, scratch: Path) -> BundleWriter:
        """Return the writer whose scratch folder this is, whether or not it is still there."""
        if not scratch.name.startswith(SCRATCH):
            raise BundleError(f"{scratch} is no scratch folder of a bundle in the making")
        return cls(scratch.parent, scratch.name.removeprefix(SCRATCH))

    def begin(self) -> None:
        """Make both folders; BundleError if the bundle exists already."""
        if self.final.exists():
            raise BundleError(f"{self.final} exists already; a bundle is never changed")
        self.folder.mkdir(parents=True)
        self.scratch.mkdir()

    def discard(self) -> None:
        """Remove both folders, as far as they are there."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> BundleWriter:
        """Make both folders; BundleError if the bundle exists already."""
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not put in its place."""
        self.discard()

    @contextmanager
    def alone(self, step: str) -> Iterator[None]:
        """Keep others who would do the same step of this build waiting; a killed one lets go."""
        with (self.scratch / f"{step}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def placing(self, place: Path) -> Iterator[Path]:
        """Yield a new folder that is put in its `place` when all is well, and removed otherwise.

        What a killed attempt has put there before is replaced.
        """
        making = Path(tempfile.mkdtemp(prefix="making-", dir=self.scratch))
        try:
            yield making
            shutil.rmtree(place, ignore_errors=True)
            place.parent.mkdir(exist_ok=True)
            making.rename(place)
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def table(self, name: str, table: pa.Table) -> None:
        """Write an Arrow table, uncompressed, so that readers map it instead of reading it."""
        write_table(self.folder / name, table)

    def array(self, name: str, values: npt.NDArray[Any]) -> None:
        """Write one array as `.npy`."""
        write_array(self.folder / name, values.shape, [values])

    def blocks(
        self, name: str, shape: tuple[int, ...], blocks: Iterable[npt.NDArray[Any]]
    ) -> npt.NDArray[Any]:
        """Write an array of that shape as `.npy`, rows after rows; return it mapped from disk."""
        write_array(self.folder / name, shape, blocks)
        return map_array(self.folder / name)

    def text(self, name: str, text: str) -> None:
        """Write a text file; its folder is made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def draft(self, manifest: Manifest) -> None:
        """Write a manifest without digests, for opening the unfinished bundle to measure it."""
        (self.folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")

    def finish(self, manifest: Manifest) -> Path:
        """Digest and sync every file, write the manifest, and put the bundle in its place."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        digests = digest_folder(self.folder)
        for path in sorted(self.folder.rglob("*")):
            sync(path)
        write_synced(self.folder / MANIFEST, replace(manifest, files=digests).to_json())
        self.folder.rename(self.final)
        # Whoever may only read the folder can lock the file, but could not make it.
        lease_file(self.final).touch()
        sync(self.final.parent)
        return self.final


def write_table(path: Path, table: pa.Table) -> None:
    """Write an Arrow table, uncompressed; BundleError for a column that no reader could map."""
    whole = table.combine_chunks()
    if any(column.num_chunks > 1 for column in whole.columns):
        raise BundleError(f"{path.name}: one column holds more than 2 GiB; shorten the texts")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(whole)


def write_array(path: Path, shape: tuple[int, ...], blocks: Iterable[npt.NDArray[Any]]) -> None:
    """Write an array of that shape as `.npy`, rows after rows."""
    with appending(path, shape) as append:
        for block in blocks:
            append(block)


@contextmanager
def appending(path: Path, shape: tuple[int, ...]) -> Iterator[Callable[[npt.NDArray[Any]], None]]:
    """Yield what appends rows to an array that will have that shape, as `.npy`."""
    # Not through a map: on a full disk that is a signal, which ends the process. And not by
    # numpy, which does not say that the disk is full.
    with path.open("wb") as file:

        def append(block: npt.NDArray[Any]) -> None:
            rows = np.ascontiguousarray(block)
            if not file.tell():
                header = {**np.lib.format.header_data_from_array_1_0(rows), "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            if rows.size:
                file.write(rows.data)

        yield append


def seal(folder: Path, passed: bool, report: dict[str, Any], page: str) -> Manifest:
    """Add the gate's verdict and the summary page to a bundle; return its final manifest.

    The verdict names the files it judged by their digests, which are checked first: BundleError
    if one has changed since it was written. Judging again replaces the verdict.
    """
    manifest = read_manifest(folder)
    # A seal that was cut short may have left a page that no manifest knows.
    verify(folder, manifest, but={PAGE})
    verdict = {"passed": passed, "files_digest": manifest.files_digest(), "report": report}
    write_synced(folder / GATE, json.dumps(verdict, indent=2, sort_keys=True) + "\n")
    (folder / PAGE).parent.mkdir(exist_ok=True)
    write_synced(folder / PAGE, page)
    sealed = replace(
        manifest,
        gate_passed=passed,
        gate_sha256=digest_file(folder / GATE).sha256,
        files={**manifest.files, PAGE: digest_file(folder / PAGE)},
    )
    write_synced(folder / MANIFEST, sealed.to_json())
    return sealed
