"""The fresh tier of a bundle: what has been added, changed or deleted since it was built.

`<bundles>/_fresh/<bundle_id>/<tier_id>/` is one immutable tier, named for its content; `CURRENT`
beside it names the one that is served, and is replaced atomically.

A tier's items and regions are numbered after the bundle's (see `view`). `alias.npy` says of each
item of the bundle what became of it: its own number (nothing changed), -1 (it is no longer for
sale, or another photo took its place), or the number of its new row, which keeps its regions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from feature_store.bundle.columns import Mask
from feature_store.bundle.filters import Facets
from feature_store.bundle.format import (
    FACETS_FILE,
    ITEMS_FILE,
    MANIFEST,
    REGIONS_FILE,
    VECTORS,
    FileDigest,
    digest_file,
)
from feature_store.bundle.ids import SortedIds
from feature_store.bundle.lease import Lease
from feature_store.bundle.mapped import int_column, map_array, map_table
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.open import Bundle
from feature_store.errors import BundleError

TIER_VERSION = 1
"""Raised whenever an older reader could not read what is written."""

FRESH = "_fresh"
"""The folder of all tiers, beside the bundles; no bundle can be called so."""
POINTER = "CURRENT"
ALIAS = "alias.npy"
FILES = (ITEMS_FILE, REGIONS_FILE, FACETS_FILE, VECTORS, ALIAS)


@dataclass(frozen=True)
class TierPointer:
    """Which tier of a bundle is served."""

    tier_id: str
    at: str
    """When it was written: UTC, ISO 8601."""
    snapshot_version: int
    """The snapshot that the tier brings the bundle up to."""
    waiting: int = 0
    """Items of that snapshot that the bundle's extractors have not described yet."""

    def to_json(self) -> str:
        """Return the text of the pointer."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"


@dataclass(frozen=True)
class TierManifest:
    """What a tier says of itself; `manifest.json` in its folder."""

    tier_id: str
    bundle_id: str
    """The bundle that it belongs to, and to no other."""
    created_at: str
    """UTC, ISO 8601."""
    snapshot_version: int
    """The first snapshot that it brought the bundle up to."""
    items: int
    """Items that are new, or have a new row."""
    regions: int
    """Regions that the bundle does not have; each is compared with every query."""
    gone: int
    """Items of the bundle that are no longer for sale."""
    dim: int
    files: Mapping[str, FileDigest] = field(default_factory=dict)
    format_version: int = TIER_VERSION

    def to_json(self) -> str:
        """Return the text of `manifest.json`."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


class Tier:
    """An open tier: immutable, and mapped from disk like its bundle.

    `owners` and `primary_region` are numbers of the view of both; so is `first_region`, which for
    an item whose row alone is new leads to its regions in the bundle.
    """

    def __init__(
        self, folder: Path, manifest: TierManifest, bundle: Bundle, lease: Lease | None = None
    ) -> None:
        """Map the files of a tier whose digests the caller has checked."""
        self.folder = folder
        self.manifest = manifest
        self.lease = lease
        """What keeps the tier from being removed as long as it is open."""
        self.items = map_table(folder / ITEMS_FILE)
        self.regions = map_table(folder / REGIONS_FILE)
        self.facets = Facets(map_table(folder / FACETS_FILE))
        self.vectors: Floats = map_array(folder / VECTORS)
        """float32 (regions, dim), centred by the bundle's projection; the subjects' come first."""
        self.vector_rows = int_column(self.regions, "vector")
        """int32 (regions,): the row of each region in `vectors`."""
        self.alias: Ints = map_array(folder / ALIAS)
        """int32 (items of the bundle,): see the module."""
        self.owners = int_column(self.regions, "item")
        self.subject: Mask = np.asarray(self.regions["subject"].to_numpy(), np.bool_)
        self.first_region = int_column(self.items, "first_region")
        self.region_count = int_column(self.items, "region_count")
        self.primary_region = int_column(self.items, "primary_region")
        self.ids = SortedIds(self.items["item_id"])
        self._check(bundle)

    @property
    def tier_id(self) -> str:
        """The tier's name, which is a digest of its content."""
        return self.manifest.tier_id

    def _check(self, bundle: Bundle) -> None:
        """Raise BundleError where a number would lead nowhere."""
        items, regions = len(bundle.items), len(bundle.owners)
        new_items, new_regions = len(self.items), len(self.regions)
        unchanged = self.alias == np.arange(len(self.alias))
        ends = self.first_region + self.region_count
        right = {
            ITEMS_FILE: new_items == self.manifest.items
            and _within(self.primary_region, 0, regions + new_regions)
            and _within(self.first_region, 0, regions + new_regions)
            and _within(ends, 1, regions + new_regions + 1),
            REGIONS_FILE: new_regions == self.manifest.regions
            and _within(self.owners, items, items + new_items)
            and np.array_equal(self.vector_rows[self.subject], np.arange(self.subject.sum()))
            and np.array_equal(np.sort(self.vector_rows), np.arange(new_regions)),
            FACETS_FILE: len(self.facets) == new_items,
            VECTORS: self.vectors.shape == (new_regions, bundle.manifest.dim)
            and self.vectors.dtype == np.float32,
            ALIAS: self.alias.shape == (items,)
            and self.alias.dtype == np.int32
            and _within(self.alias[~unchanged & (self.alias != -1)], items, items + new_items),
        }
        for name, fits in right.items():
            if not fits:
                raise BundleError(f"{self.folder / name} does not fit bundle {bundle.bundle_id}")


def tiers_folder(bundles: Path, bundle_id: str) -> Path:
    """Return the folder of a bundle's tiers, in the folder of all bundles."""
    return bundles / FRESH / bundle_id


def read_pointer(bundles: Path, bundle_id: str) -> TierPointer | None:
    """Return which tier of a bundle is served, None where there is none; BundleError if damaged."""
    path = tiers_folder(bundles, bundle_id) / POINTER
    try:
        return parse_pointer(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def parse_pointer(data: bytes, where: str) -> TierPointer:
    """Read the bytes of a pointer that lies at `where`; BundleError if they are none."""
    try:
        said = json.loads(data)
        tier_id = said["tier_id"]
        if not (isinstance(tier_id, str) and is_tier_id(tier_id)):
            raise ValueError(f"{tier_id!r} is no tier's name")
        version, waiting = int(said["snapshot_version"]), int(said.get("waiting", 0))
        return TierPointer(tier_id, str(said["at"]), version, waiting)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BundleError(f"{where} is damaged: {error}; 'nitamono refresh' writes it") from error


def is_tier_id(name: str) -> bool:
    """Whether a tier can be called so: 16 hex digits."""
    return len(name) == 16 and set(name) <= set("0123456789abcdef")


def tier_id_of(bundle_id: str, files: Mapping[str, FileDigest]) -> str:
    """Name a tier for what it holds: the same items, regions and deletions, the same name."""
    listed = sorted((name, digest.sha256) for name, digest in files.items())
    text = json.dumps([TIER_VERSION, bundle_id, listed])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_tier_manifest(data: bytes, where: str) -> TierManifest:
    """Read the bytes of a tier's manifest that lies at `where`.

    Raises BundleError if it is damaged, of another format, or names other files than a tier has.
    """
    try:
        raw = json.loads(data)
        version = raw.get("format_version")
        if version != TIER_VERSION:
            raise BundleError(
                f"{where} has format version {version}; this program reads {TIER_VERSION}"
            )
        known = {f.name for f in fields(TierManifest)}
        raw = {name: value for name, value in raw.items() if name in known}
        raw["files"] = {name: FileDigest(**entry) for name, entry in raw["files"].items()}
        manifest = TierManifest(**raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{where} is damaged: {error}") from error
    if sorted(manifest.files) != sorted(FILES):
        raise BundleError(f"{where} does not list the files of a tier")
    if tier_id_of(manifest.bundle_id, manifest.files) != manifest.tier_id:
        raise BundleError(f"{where} is damaged: the tier's name is not that of its content")
    return manifest


def prove_tier(folder: Path) -> TierManifest:
    """Check every byte of a tier; return its manifest. BundleError names the file that is bad."""
    path = folder / MANIFEST
    try:
        manifest = parse_tier_manifest(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{path} is missing: {folder.name} is no tier") from None
    for name, expected in sorted(manifest.files.items()):
        file = folder / name
        if not file.is_file():
            raise BundleError(f"{file} is missing; 'nitamono refresh' writes another tier")
        if file.stat().st_size != expected.bytes or digest_file(file) != expected:
            raise BundleError(f"{file} is damaged: it is not what the manifest says")
    return manifest


def open_tier(folder: Path, bundle: Bundle, *, lease: Lease | None = None) -> Tier:
    """Open the tier in `folder` after checking every digest; the tier keeps `lease`.

    Raises BundleError naming the file that is missing or damaged, or if it is of another bundle.
    """
    manifest = prove_tier(folder)
    if manifest.bundle_id != bundle.bundle_id:
        raise BundleError(f"{folder} is a tier of bundle {manifest.bundle_id}, not of this one")
    return Tier(folder, manifest, bundle, lease)


def _within(numbers: Ints, low: int, end: int) -> bool:
    return bool(((numbers >= low) & (numbers < end)).all())
