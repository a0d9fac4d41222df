"""Write a bundle: everything in a hidden folder first, synced, then in place by one rename."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
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
from feature_store.errors import BundleError


class BundleWriter:
    """A bundle in the making, in `folder`, which vanishes unless `finish` puts it in its place.

    Use it as a context manager. Readers of the registry never see it before it is whole.
    """

    def __init__(self, bundles: Path, bundle_id: str) -> None:
        """Prepare the bundle `bundle_id` among the others in the folder `bundles`."""
        self._final = bundles / bundle_id
        self.folder = bundles / f".building-{bundle_id}"
        self.scratch = bundles / f".scratch-{bundle_id}"
        """A folder on the same filesystem for whatever will not be part of the bundle."""

    def __enter__(self) -> BundleWriter:
        """Make both folders; BundleError if the bundle exists already."""
        if self._final.exists():
            raise BundleError(f"{self._final} exists already; a bundle is never changed")
        self.folder.mkdir(parents=True)
        self.scratch.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not put in its place."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def table(self, name: str, table: pa.Table) -> None:
        """Write an Arrow table, uncompressed, so that readers map it instead of reading it."""
        whole = table.combine_chunks()
        if any(column.num_chunks > 1 for column in whole.columns):
            raise BundleError(f"{name}: one column holds more than 2 GiB; shorten the texts")
        path = self.folder / name
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(whole)

    def array(self, name: str, values: npt.NDArray[Any]) -> None:
        """Write one array as `.npy`."""
        self._write(name, values.shape, [values])

    def blocks(
        self, name: str, shape: tuple[int, ...], blocks: Iterable[npt.NDArray[Any]]
    ) -> npt.NDArray[Any]:
        """Write an array of that shape as `.npy`, rows after rows; return it mapped from disk."""
        self._write(name, shape, blocks)
        mapped: npt.NDArray[Any] = np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
        return mapped

    def _write(self, name: str, shape: tuple[int, ...], blocks: Iterable[npt.NDArray[Any]]) -> None:
        # Not through a map: on a full disk that is a signal, which ends the process. And not by
        # numpy, which does not say that the disk is full.
        begun = False
        with (self.folder / name).open("wb") as file:
            for rows in (np.ascontiguousarray(block) for block in blocks):
                if not begun:
                    header = {**np.lib.format.header_data_from_array_1_0(rows), "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    begun = True
                if rows.size:
                    file.write(rows.data)

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
        self.folder.rename(self._final)
        # Whoever may only read the folder can lock the file, but could not make it.
        lease_file(self._final).touch()
        sync(self._final.parent)
        return self._final


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
