"""The bundle's manifest: what a bundle says of itself, and the digests that hold it to its word."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from feature_store.bundle.older import READ, renewed
from feature_store.bundle.sound import contradiction
from feature_store.errors import BundleError

FORMAT_VERSION = 2
"""Raised whenever an older reader could not read what is written; `older` has those before."""

MANIFEST, GATE = "manifest.json", "gate.json"
ITEMS_FILE, REGIONS_FILE, FACETS_FILE = "items.arrow", "regions.arrow", "facets.arrow"
VECTORS, SCALES, MEAN = "vectors.npy", "scales.npy", "mean.npy"
NEIGHBOURS, NEIGHBOUR_SCORES = "neighbours.npy", "neighbour_scores.npy"
BACKGROUND, REGION_ORDER = "background.npy", "region_order.npy"
"""What a bundle need not have: both follow from its other files, in a second or two."""
REPORT = "report"
ROWS, OBJECTS, COMPONENTS, GRAPH = "rows.npy", "objects.npy", "pca.npy", "graph"
"""What a segment's folder holds."""
GRAPH_1 = "onng"
"""The graph's name in format 1."""

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class FileDigest:
    """What a file must be: its SHA-256 (64 hex digits) and its size."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class SearchParameters:
    """How the nearest vectors are found."""

    method: str
    """`onng` or `anng`: which graph the segment has, whose candidates are compared exactly;
    `exact`: all are compared (a segment too small for a graph)."""
    epsilon: float
    """How far the graph search wanders."""
    candidates: int
    """Vectors of the graph that are compared exactly, for the ten nearest."""
    edges: int = 0
    """Edges of each vector of the graph that are followed, the shortest first; 0 for all."""


@dataclass(frozen=True)
class Counts:
    """How much a bundle holds; `vectors` counts distinct ones."""

    items: int
    images: int
    regions: int
    vectors: int


@dataclass(frozen=True)
class Part:
    """One extractor's share in the vectors that are compared."""

    extractor: str
    dim: int
    weight: float
    """Above 0; those of all parts sum to 1. A cosine is the weighted mean of its parts'."""


@dataclass(frozen=True)
class Segment:
    """A separate index inside a bundle, with what it needs to be searched."""

    name: str
    """The value of the attribute that segments the bundle; empty for the items without one, and for
    the only segment of a bundle that is not segmented."""
    folder: str
    """`segments/000` and so on; empty in format 1, whose only segment's files are the bundle's."""
    regions: int
    vectors: int
    """Distinct ones."""
    reduced_dim: int
    search: SearchParameters


@dataclass(frozen=True)
class Manifest:
    """Everything a bundle says of itself; `manifest.json` in its folder."""

    bundle_id: str
    created_at: str
    """UTC, ISO 8601."""
    snapshot_version: int
    snapshot_content_hash: str
    features_hash: str
    """Digest of the rows that were indexed: the same means that a rebuild is idle. Empty in format
    1, whose builds went by the snapshot's."""
    detector: str
    extractor: str
    """For people: the identity of the one part, or all parts with their weights."""
    parameters_digest: str
    """Digest of the settings that shaped the bundle: the same means that a rebuild is idle."""
    dim: int
    """Length of a region's vector: the sum of the parts'."""
    parts: tuple[Part, ...]
    """In the order in which their vectors are joined."""
    segmented_by: str
    """The attribute; empty for a bundle of one index."""
    segments: tuple[Segment, ...]
    stored: str
    """What `vectors.npy` holds, one of STORED in `sound`."""
    counts: Counts
    measurements: Mapping[str, Any]
    """What was measured for the index gate, as plain values, and what the build cost."""
    forecast: Mapping[str, Any] = field(default_factory=dict)
    """What the build was expected to cost, before it began: `memory_bytes`, `seconds`, …"""
    gate_passed: bool | None = None
    """None until the gate has judged."""
    gate_sha256: str | None = None
    """Digest of gate.json."""
    files: Mapping[str, FileDigest] = field(default_factory=dict)
    """Every other file by its path inside the bundle."""
    format_version: int = FORMAT_VERSION
    """The version that was read; always the newest is written."""

    def to_json(self) -> str:
        """Return the text of `manifest.json`."""
        values = asdict(self) | {"format_version": FORMAT_VERSION}
        return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"

    def files_digest(self) -> str:
        """Digest of all files' digests: what the gate's report swears by.

        The report's own page is left out, because it shows the gate's judgement.
        """
        listed = sorted((name, d.sha256) for name, d in self.files.items() if name != PAGE)
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


PAGE = f"{REPORT}/index.html"
"""The summary for people: the only file that is written after the gate has judged."""


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's manifest; BundleError if it is missing, damaged or of another format."""
    path = folder / MANIFEST
    try:
        return parse_manifest(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{path} is missing: {folder.name} is no bundle") from None


def parse_manifest(data: bytes, where: str) -> Manifest:
    """Read the bytes of a manifest that lies at `where`; BundleError as for `read_manifest`."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{where} is damaged: {error}") from error
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version not in (*READ, FORMAT_VERSION):
        raise BundleError(
            f"{where} has format version {version}; this program reads up to {FORMAT_VERSION}. "
            "Build the bundle again, or use the program that wrote it."
        )
    try:
        raw = raw if version == FORMAT_VERSION else renewed(raw)
        known = {f.name for f in fields(Manifest)}
        raw = {name: value for name, value in raw.items() if name in known}
        raw["counts"] = Counts(**raw["counts"])
        raw["parts"] = tuple(Part(**part) for part in raw["parts"])
        raw["segments"] = tuple(_segment(**segment) for segment in raw["segments"])
        raw["files"] = {name: FileDigest(**entry) for name, entry in raw["files"].items()}
        manifest = Manifest(**raw)
        wrong = contradiction(manifest)
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{where} is damaged: {error}") from error
    if wrong:
        raise BundleError(f"{where} is damaged: {wrong}")
    return manifest


def _segment(search: dict[str, Any], **values: Any) -> Segment:
    return Segment(search=SearchParameters(**search), **values)


def digest_file(path: Path) -> FileDigest:
    """Read a file in pieces and return its digest."""
    sha256, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            sha256.update(piece)
            size += len(piece)
    return FileDigest(sha256.hexdigest(), size)


def digest_folder(folder: Path) -> dict[str, FileDigest]:
    """Digest every file of a bundle but the manifest and the gate's report, by relative path."""
    return {
        name: digest_file(folder / name)
        for name in sorted(_names(folder))
        if name not in {MANIFEST, GATE}
    }


def verify(folder: Path, manifest: Manifest, *, but: Collection[str] = ()) -> None:
    """Hold every file against its digest, `but` those that are about to be written again.

    Raises BundleError naming the first file that is missing, changed or unknown.
    """
    names = set(_names(folder)) - {MANIFEST, GATE, *but}
    for name in sorted(names - set(manifest.files)):
        raise BundleError(f"{folder / name} is not in the manifest; remove the bundle or the file")
    for name, expected in sorted(manifest.files.items()):
        if name in but:
            continue
        path = folder / name
        if name not in names:
            raise BundleError(f"{path} is missing; restore it or publish another bundle")
        if path.stat().st_size != expected.bytes or digest_file(path) != expected:
            raise BundleError(f"{path} is damaged: it is not what the manifest says")


def verify_gate(folder: Path, manifest: Manifest) -> None:
    """Raise BundleError unless the gate passed exactly the files that the manifest lists."""
    path = folder / GATE
    if manifest.gate_passed is None:
        raise BundleError(f"{folder.name} has not been through the index gate; check it first")
    if not path.is_file() or digest_file(path).sha256 != manifest.gate_sha256:
        raise BundleError(f"{path} is missing or damaged: it is not what the manifest says")
    try:
        verdict = json.loads(path.read_text())
        judged, passed = verdict["files_digest"], verdict["passed"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged: {error}") from error
    if judged != manifest.files_digest():
        raise BundleError(f"{path} judged other files than the manifest lists; build again")
    if not (passed is True and manifest.gate_passed is True):
        raise BundleError(f"{folder.name} did not pass the index gate; see {path}")


def prove(folder: Path) -> Manifest:
    """Check every byte of a bundle and its gate's verdict; return its manifest, or BundleError."""
    manifest = read_manifest(folder)
    verify(folder, manifest)
    verify_gate(folder, manifest)
    return manifest


def write_synced(path: Path, text: str) -> None:
    """Replace a small file atomically: written beside it, synced, renamed, folder synced."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's entries, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _names(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise BundleError(f"{path} is not a plain file; a bundle holds nothing else")
        if path.is_file():
            yield path.relative_to(folder).as_posix()
