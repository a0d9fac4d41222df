"""A bundle on its way out of a bucket: whole and proven, or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from feature_store.bundle import RemoteRegistry
from feature_store.bundle.format import prove
from feature_store.errors import BundleError
from feature_store.storage import Bucket
from tests.feature_store.bundle.bucket_objects import overwrite


@pytest.mark.parametrize(
    "name", ["../escaped", "/etc/escaped", "a/../../escaped", "", ".", "a//b", "gate.json", "a\0b"]
)
def test_a_manifest_cannot_name_files_outside(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path, name: str
) -> None:
    remote.publish("a")
    manifest = asdict(remote.manifest("a"))
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 3}
    overwrite(objects, "a/manifest.json", json.dumps(manifest).encode())
    mirror = tmp_path / "deep" / "mirror"
    with pytest.raises(BundleError, match="names the file"):
        remote.receive("a", mirror)
    assert [path.name for path in mirror.iterdir()] == [".receiving"]


@pytest.mark.parametrize("fault", ["gone", "swapped", "longer", "no gate", "no manifest"])
def test_a_bad_bundle_is_not_received(
    remote: RemoteRegistry, objects: Bucket, tmp_path: Path, fault: str
) -> None:
    remote.publish("a")
    vectors = (remote.folder / "a" / "vectors.npy").read_bytes()
    if fault == "swapped":
        overwrite(objects, "a/vectors.npy", vectors[:-1] + bytes([vectors[-1] ^ 1]))
    elif fault == "longer":
        overwrite(objects, "a/vectors.npy", vectors + b"1")
    else:
        gone = {"gone": "vectors.npy", "no gate": "gate.json", "no manifest": "manifest.json"}
        objects.delete(f"shop/bundles/a/{gone[fault]}")
    with pytest.raises(BundleError):
        remote.receive("a", tmp_path / "mirror")
    assert [path.name for path in (tmp_path / "mirror").iterdir()] == [".receiving"]


def test_a_damaged_copy_is_received_again(remote: RemoteRegistry, tmp_path: Path) -> None:
    remote.publish("a")
    mirror = tmp_path / "mirror"
    received = remote.receive("a", mirror)
    untouched = (received / "items.arrow").stat().st_mtime_ns
    remote.receive("a", mirror)
    assert (received / "items.arrow").stat().st_mtime_ns == untouched
    (received / "items.arrow").write_bytes(b"damaged")
    remote.receive("a", mirror)
    prove(received)
    assert sorted(path.name for path in mirror.iterdir()) == [".receiving", "a"]
