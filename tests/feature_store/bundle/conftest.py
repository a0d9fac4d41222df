"""Two proven bundles, built once: one with a graph, one of too few vectors for a graph."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import Bundle, BundleRegistry, RemoteRegistry, Searcher, open_bundle
from feature_store.bundle.write import seal
from feature_store.nightly import build_candidate
from feature_store.storage import Bucket
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop

INDEX: dict[str, Any] = {
    "attribution_voters": 0,
    "edges": 60,
    "incoming_edges": 60,
    "candidates": (30, 50, 100, 200),
}
"""The made-up categories must not vote; and the queries of these tests are stranger to the shop
than those that the tuning asks, so that it must not choose the fewest candidates."""


def build(home: Path, items: int, *, copies: int = 0, dim: int = 64, neighbours: int = 40) -> Path:
    """Build a bundle of a made-up shop and give it a gate that passed; return its folder."""
    settings = FakeSettings(home)
    index = replace(settings.index, **INDEX, neighbours=neighbours)
    settings = replace(settings, index=index)
    candidate = build_candidate(settings, FakeStore(make_shop(items, dim, copies=copies)))
    seal(candidate.path, True, {"gate": "index", "passed": True, "checks": []}, "<p>page</p>")
    return candidate.path


@pytest.fixture(scope="session")
def graph_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 items, the last 60 of which show one photo."""
    return build(tmp_path_factory.mktemp("graph"), 700, copies=60)


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """54 items, compared exactly."""
    return build(tmp_path_factory.mktemp("small"), 54)


@pytest.fixture(scope="session")
def bundle(graph_bundle: Path) -> Bundle:
    return open_bundle(graph_bundle)


@pytest.fixture(scope="session")
def searcher(bundle: Bundle) -> Searcher:
    return Searcher(bundle)


@pytest.fixture(scope="session")
def small_searcher(small_bundle: Path) -> Searcher:
    return Searcher(open_bundle(small_bundle))


@pytest.fixture
def copy(small_bundle: Path, tmp_path: Path) -> Path:
    """A small bundle that may be damaged."""
    return Path(shutil.copytree(small_bundle, tmp_path / "bundles" / small_bundle.name))


@pytest.fixture
def registry(copy: Path) -> BundleRegistry:
    """A registry of three proven bundles, a, b and c, and of one that was never judged."""
    manifest = (copy / "manifest.json").read_text()
    for name in ("a", "b", "c"):
        other = Path(shutil.copytree(copy, copy.parent / name))
        renamed = manifest.replace(copy.name, name)
        (other / "manifest.json").write_text(renamed)
    unjudged = manifest.replace(copy.name, "unjudged").replace(
        '"gate_passed": true', '"gate_passed": null'
    )
    (copy.rename(copy.parent / "unjudged") / "manifest.json").write_text(unjudged)
    return BundleRegistry(copy.parent)


@pytest.fixture
def remote(registry: BundleRegistry, bucket: str) -> RemoteRegistry:
    """Nothing is published yet; the bundles a, b and c wait in the local folder."""
    return RemoteRegistry(f"gs://{bucket}/shop/bundles", registry.folder)


@pytest.fixture
def objects(bucket: str, remote: RemoteRegistry) -> Bucket:
    return Bucket(bucket)
