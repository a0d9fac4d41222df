"""Bundles made by hand, as small and as odd as a test wants them, without the nightly build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import ngtpy
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.format import (
    COMPONENTS,
    FACETS_FILE,
    GRAPH,
    ITEMS_FILE,
    MEAN,
    NEIGHBOUR_SCORES,
    NEIGHBOURS,
    OBJECTS,
    REGIONS_FILE,
    ROWS,
    SCALES,
    VECTORS,
    Counts,
    Manifest,
    Part,
    SearchParameters,
    Segment,
    read_manifest,
)
from feature_store.bundle.projection import Projection
from feature_store.bundle.stored import quantise
from feature_store.bundle.write import BundleWriter, seal

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True)
class Made:
    """What a bundle is to be like."""

    items: int = 300
    parts: tuple[Part, ...] = (Part("fake@0123456789ab", 32, 1.0),)
    reduced_dim: int = 16
    segments: tuple[str, ...] = ("",)
    """Their names; item i is of segment i modulo their number."""
    stored: str = "float32"
    graph: bool = True
    copies: int = 0
    """So many items, the last ones, show what item 0 shows."""
    neighbours: int = 20
    seed: int = 0

    @property
    def dim(self) -> int:
        """Length of a joined vector."""
        return sum(part.dim for part in self.parts)


def raw_vectors(made: Made, count: int, seed: int) -> Floats:
    """Joined feature vectors, float32 (count, dim): unit parts around a dozen centres each."""
    random = np.random.default_rng([made.seed, seed])
    joined = []
    for part in made.parts:
        spread = np.arange(1, part.dim + 1) ** -0.4
        centres = np.random.default_rng(made.seed).normal(size=(12, part.dim)) + 0.7
        rows = centres[random.integers(0, 12, count)]
        rows = (rows + 0.7 * random.normal(size=rows.shape)) * spread
        joined.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return np.hstack(joined).astype(np.float32)


def owners_of(made: Made) -> Ints:
    """The item of each region: one to three regions an item."""
    return np.repeat(np.arange(made.items), 1 + np.arange(made.items) % 3).astype(np.int32)


def make_bundle(bundles: Path, bundle_id: str, made: Made) -> tuple[Path, Floats]:
    """Write a bundle whose gate passed; return its folder and its regions' joined vectors."""
    owners = owners_of(made)
    raw = raw_vectors(made, len(owners), 1)
    if made.copies:
        raw[np.isin(owners, np.arange(made.items - made.copies, made.items))] = raw[0]
    mean = np.asarray(raw.sum(axis=0) / (len(raw) + 10), np.float32)
    vectors = Projection(mean, np.empty((made.dim, 0), np.float32), made.parts).centre(raw)
    with BundleWriter(bundles, bundle_id) as writer:
        tables(writer, made, owners)
        values, scales = quantise(vectors, made.stored)
        writer.array(VECTORS, values)
        if scales is not None:
            writer.array(SCALES, scales)
        writer.array(MEAN, mean)
        found = neighbours(vectors, made)
        writer.array(NEIGHBOURS, found[0])
        writer.array(NEIGHBOUR_SCORES, found[1])
        segments = tuple(
            segment(writer, made, number, raw, vectors) for number in range(len(made.segments))
        )
        writer.text("report/recall.svg", "<svg/>")
        folder = writer.finish(manifest_of(made, bundle_id, owners, segments))
    seal(folder, True, {"gate": "index", "passed": True, "checks": []}, "<p>page</p>")
    return folder, raw


def manifest_of(
    made: Made, bundle_id: str, owners: Ints, segments: tuple[Segment, ...]
) -> Manifest:
    return Manifest(
        bundle_id=bundle_id,
        created_at="2026-01-02T03:04:05+00:00",
        snapshot_version=1,
        snapshot_content_hash="c0ffee",
        features_hash="c0ffee",
        detector="none@000000000000",
        extractor=made.parts[0].extractor,
        parameters_digest="0" * 12,
        dim=made.dim,
        parts=made.parts,
        segmented_by="segment" if len(made.segments) > 1 else "",
        segments=segments,
        stored=made.stored,
        counts=Counts(made.items, made.items, len(owners), sum(s.vectors for s in segments)),
        measurements={},
    )


def tables(writer: BundleWriter, made: Made, owners: Ints) -> None:
    first = np.searchsorted(owners, np.arange(made.items)).astype(np.int32)
    count = np.bincount(owners, minlength=made.items).astype(np.int32)
    items = {
        "item_id": [f"item-{number:05d}" for number in range(made.items)],
        "first_region": first,
        "region_count": count,
        "primary_region": first,
    }
    regions = {
        "region_id": [f"region-{number}" for number in range(len(owners))],
        "item": owners,
        "subject": subject_of(made),
    }
    names = [made.segments[n % len(made.segments)] or None for n in range(made.items)]
    facets = {
        "segment": pa.array(names, pa.string()).dictionary_encode(),
        "colour": pa.array([COLOURS[n // 3 % 3] for n in range(made.items)]).dictionary_encode(),
        "price": pa.array([float(n) for n in range(made.items)]),
    }
    writer.table(ITEMS_FILE, pa.table(items))
    writer.table(REGIONS_FILE, pa.table(regions))
    writer.table(FACETS_FILE, pa.table(facets))


def subject_of(made: Made) -> npt.NDArray[np.bool_]:
    """All regions of an item but its last, if it has others."""
    owners = owners_of(made)
    last = np.r_[owners[1:] != owners[:-1], True]
    alone = last & np.r_[True, owners[1:] != owners[:-1]]
    return np.asarray(~last | alone)


def neighbours(vectors: Floats, made: Made) -> tuple[Ints, Floats]:
    """The best subject of each of the nearest items of a region's own segment."""
    owners, many = owners_of(made), len(made.segments)
    subjects = np.flatnonzero(subject_of(made))
    cosines = (vectors @ vectors[subjects].T).astype(np.float32)
    cosines[owners[:, None] == owners[subjects][None]] = -np.inf
    cosines[(owners[:, None] % many) != (owners[subjects][None] % many)] = -np.inf
    regions = np.full((len(owners), made.neighbours), -1, np.int32)
    scores = np.full((len(owners), made.neighbours), -1, np.float32)
    # An item has two subjects at most.
    many = min(len(subjects), 2 * made.neighbours)
    nearest = np.argpartition(-cosines, many - 1, axis=1)[:, :many]
    for row, places in enumerate(nearest):
        order = places[np.argsort(-cosines[row, places], kind="stable")]
        order = order[np.isfinite(cosines[row, order])]
        _, first = np.unique(owners[subjects[order]], return_index=True)
        kept = order[np.sort(first)][: made.neighbours]
        regions[row, : len(kept)], scores[row, : len(kept)] = subjects[kept], cosines[row, kept]
    return regions, scores


def segment(writer: BundleWriter, made: Made, number: int, raw: Floats, vectors: Floats) -> Segment:
    """Write one segment; its graph is an ANNG, which is quick to build and as good for few."""
    rows = np.flatnonzero(owners_of(made) % len(made.segments) == number)
    folder = f"segments/{number:03d}"
    (writer.folder / folder).mkdir(parents=True)
    _, objects = np.unique(raw[rows], axis=0, return_inverse=True)
    first = np.unique(objects, return_index=True)[1]
    moments = vectors[rows].T @ vectors[rows]
    reduced = min(made.reduced_dim, made.dim)
    components = np.ascontiguousarray(np.linalg.eigh(moments)[1][:, ::-1][:, :reduced], np.float32)
    writer.array(f"{folder}/{ROWS}", rows.astype(np.int32))
    writer.array(f"{folder}/{OBJECTS}", objects.reshape(-1).astype(np.int32))
    writer.array(f"{folder}/{COMPONENTS}", components)
    search = SearchParameters("exact", 0.0, 10)
    if made.graph:
        projection = Projection(np.zeros(made.dim, np.float32), components, made.parts)
        build_graph(writer.folder / folder / GRAPH, projection.reduce(vectors[rows][first]))
        search = SearchParameters("anng", 0.1, 30)
    name = made.segments[number]
    return Segment(name, folder, len(rows), len(first), reduced, search)


def build_graph(path: Path, short: Floats) -> None:
    ngtpy.create(
        str(path), dimension=short.shape[1], edge_size_for_creation=40, edge_size_for_search=0,
        distance_type="Normalized L2",
    )  # fmt: skip
    index = ngtpy.Index(str(path), log_disabled=True)
    index.batch_insert(short, num_threads=1)
    index.save()
    index.close()


def rewritten(folder: Path, **changes: object) -> None:
    """Change a bundle's manifest without asking its gate."""
    manifest = replace(read_manifest(folder), **changes)  # type: ignore[arg-type]
    (folder / "manifest.json").write_text(manifest.to_json())
