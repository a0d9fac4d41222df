from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import open_bundle
from feature_store.bundle.format import (
    Part,
    digest_file,
    parse_manifest,
    read_manifest,
    verify,
    write_synced,
)
from feature_store.bundle.write import BundleWriter, seal
from feature_store.errors import BundleError

FILES = [
    "items.arrow",
    "regions.arrow",
    "facets.arrow",
    "vectors.npy",
    "mean.npy",
    "segments/000/pca.npy",
    "segments/000/objects.npy",
    "segments/000/rows.npy",
    "neighbours.npy",
    "neighbour_scores.npy",
    "background.npy",
    "region_order.npy",
    "report/index.html",
    "report/recall.svg",
    "report/neighbours.jpg",
]


def test_a_bundle_holds_what_its_manifest_lists(graph_bundle: Path) -> None:
    manifest = read_manifest(graph_bundle)
    graph = [name for name in manifest.files if name.startswith("segments/000/graph/")]
    assert sorted(manifest.files) == sorted([*FILES, *graph])
    assert len(graph) >= 4
    for name, entry in manifest.files.items():
        assert digest_file(graph_bundle / name) == entry


@pytest.mark.parametrize("name", [*FILES, "gate.json"])
def test_one_changed_byte_is_noticed_and_its_file_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=name):
        open_bundle(copy)


@pytest.mark.parametrize("name", ["vectors.npy", "gate.json", "manifest.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        open_bundle(copy)


def test_a_file_too_many_is_named(copy: Path) -> None:
    (copy / "segments" / "000" / "graph").mkdir()
    (copy / "segments" / "000" / "graph" / "extra").write_text("x")
    with pytest.raises(BundleError, match="graph/extra is not in the manifest"):
        open_bundle(copy)


def test_a_link_is_no_part_of_a_bundle(copy: Path, tmp_path: Path) -> None:
    (copy / "vectors.npy").rename(tmp_path / "elsewhere.npy")
    (copy / "vectors.npy").symlink_to(tmp_path / "elsewhere.npy")
    with pytest.raises(BundleError, match="not a plain file"):
        open_bundle(copy)


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


WHOLE = {"extractor": "x", "dim": 64, "weight": 1.0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 3}, "format version 3"),
        ({"gate_passed": None}, "has not been through"),
        ({"gate_passed": False}, "did not pass"),
        ({"gate_sha256": "0" * 64}, "gate.json is missing or damaged"),
        ({"counts": 5}, "manifest.json is damaged"),
        ({"files": {}}, "is not in the manifest"),
        ({"stored": "float64"}, "vectors cannot be stored as 'float64'"),
        ({"dim": 63}, "the parts are not as long as its vectors"),
        ({"parts": []}, "the parts are not as long as its vectors"),
        ({"parts": [{"extractor": "x", "dim": 64, "weight": 0.5}]}, "1 in all"),
        ({"parts": [{"extractor": "x", "dim": 64}]}, "manifest.json is damaged"),
        ({"parts": [WHOLE, {"extractor": "y", "dim": 0, "weight": 0.0}]}, "not above 0"),
        ({"segments": []}, "no segment, or an empty one"),
        ({"segments": 3}, "manifest.json is damaged"),
        ({"segments": [{"name": ""}]}, "manifest.json is damaged"),
        ({"bundle_id": 7}, "bundle_id is 7"),
        ({"created_at": None}, "created_at is None"),
        ({"snapshot_version": "3"}, "snapshot_version is '3'"),
        ({"dim": 10**30}, "dim is 1000"),
        ({"dim": float("inf")}, "dim is inf"),
        ({"measurements": []}, r"measurements is \[\]"),
        ({"parts": [WHOLE | {"weight": float("nan")}]}, "weight is nan"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(
    copy: Path, changes: dict[str, object], message: str
) -> None:
    rewrite(copy, **changes)
    with pytest.raises(BundleError, match=message):
        open_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"folder": "../other"}], "a segment's folder is no segment's"),
        ([{"folder": "/etc"}], "a segment's folder is no segment's"),
        ([{}, {}], "two segments share a name or a folder"),
        ([{}, {"name": "men"}], "two segments share a name or a folder"),
        ([{}, {"folder": "segments/001"}], "two segments share a name or a folder"),
        ([{}, {"name": "men", "folder": ""}], "a segment's folder is no segment's"),
        ([{}, {"name": "men", "folder": "segments/001", "regions": 0}], "or an empty one"),
        ([{"regions": 1}], "the segments do not hold its regions"),
        ([{}, {"name": "men", "folder": "segments/001"}], "the segments do not hold its regions"),
    ],
)
def test_segments_that_contradict_the_manifest_are_refused(
    copy: Path, changes: list[dict[str, object]], message: str
) -> None:
    first = json.loads((copy / "manifest.json").read_text())["segments"][0]
    rewrite(copy, segments=[first | change for change in changes])
    with pytest.raises(BundleError, match=message):
        open_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "faiss"}, "cannot be searched in that way"),
        ({"candidates": -1}, "cannot be searched in that way"),
        ({"edges": -1}, "cannot be searched in that way"),
        ({"candidates": "x"}, "candidates is 'x'"),
        ({"candidates": True}, "candidates is True"),
        ({"edges": None}, "edges is None"),
        ({"epsilon": float("nan")}, "epsilon is nan"),
    ],
)
def test_a_segment_that_cannot_be_searched_is_refused(
    copy: Path, changes: dict[str, object], message: str
) -> None:
    [segment] = json.loads((copy / "manifest.json").read_text())["segments"]
    rewrite(copy, segments=[segment | {"search": segment["search"] | changes}])
    with pytest.raises(BundleError, match=message):
        open_bundle(copy)


def test_a_manifest_of_brackets_is_damaged(copy: Path) -> None:
    (copy / "manifest.json").write_text("[" * 50_000)
    with pytest.raises(BundleError, match=r"manifest\.json is damaged"):
        open_bundle(copy)


def test_what_is_written_is_what_is_read(graph_bundle: Path) -> None:
    manifest = read_manifest(graph_bundle)
    assert parse_manifest(manifest.to_json().encode(), "here") == manifest
    assert manifest.format_version == 2


def test_a_manifest_of_version_1_is_read_in_the_shape_of_2() -> None:
    golden = Path(__file__).parent / "golden" / "0.1.0"
    manifests = [read_manifest(path) for path in golden.iterdir() if path.is_dir()]
    assert {manifest.format_version for manifest in manifests} == {1}
    for manifest in manifests:
        assert manifest.parts == (Part(manifest.extractor, 16, 1.0),)
        assert (manifest.segmented_by, manifest.features_hash, manifest.stored) == (
            "",
            "",
            "float32",
        )
        (segment,) = manifest.segments
        assert (segment.name, segment.folder, segment.reduced_dim) == ("", "", 8)
        assert segment.regions == manifest.counts.regions
        # Whatever is written anew is written in the newest version.
        again = parse_manifest(manifest.to_json().encode(), "here")
        assert replace(again, format_version=1) == manifest


def test_files_swapped_together_with_their_digests_are_not_what_the_gate_judged(copy: Path) -> None:
    (copy / "mean.npy").write_bytes((copy / "mean.npy").read_bytes() + b"\0")
    manifest = read_manifest(copy)
    files = {**manifest.files, "mean.npy": digest_file(copy / "mean.npy")}
    write_synced(copy / "manifest.json", replace(manifest, files=files).to_json())
    verify(copy, read_manifest(copy))
    with pytest.raises(BundleError, match="judged other files"):
        open_bundle(copy)


def test_a_failed_gate_keeps_a_bundle_closed_until_it_is_judged_again(copy: Path) -> None:
    seal(copy, False, {"checks": []}, "failed")
    with pytest.raises(BundleError, match="did not pass"):
        open_bundle(copy)
    (copy / "report" / "index.html").write_text("a page of a seal that was cut short")
    seal(copy, True, {"checks": []}, "passed")
    assert open_bundle(copy).manifest.gate_passed


def test_a_damaged_bundle_is_not_judged(copy: Path) -> None:
    (copy / "segments" / "000" / "pca.npy").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"pca\.npy is damaged"):
        seal(copy, True, {}, "page")


def test_a_bundle_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with BundleWriter(tmp_path, "one") as writer:
            writer.text("report/x.txt", "x")
            (writer.scratch / "y").write_text("y")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_never_written_over(copy: Path) -> None:
    with pytest.raises(BundleError, match="never changed"):
        BundleWriter(copy.parent, copy.name).__enter__()
