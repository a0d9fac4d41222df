"""The nightly build with a bucket for its bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from feature_store.bundle import open_bundle
from feature_store.bundle.opening import registry_of
from feature_store.nightly import build_and_publish, needs_build
from feature_store.storage import Bucket
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore


def test_a_build_goes_live_in_the_bucket_and_is_not_repeated(
    settings: FakeSettings, store: FakeStore, bucket: str, tmp_path: Path
) -> None:
    settings = replace(settings, bundles_location=f"gs://{bucket}/bundles")
    assert needs_build(settings, store)
    live = build_and_publish(settings, store)
    registry = registry_of(settings)
    assert registry.current() == live
    assert not needs_build(settings, store)
    sent = {entry.name for entry in Bucket(bucket).list(f"bundles/{live}/")}
    assert f"bundles/{live}/vectors.npy" in sent
    # Another machine, whose home is empty, has nothing to do and sees what is live.
    elsewhere = replace(settings, home=tmp_path / "elsewhere")
    assert not needs_build(elsewhere, store)
    assert [row.bundle_id for row in registry_of(elsewhere).list()] == [live]
    assert registry_of(elsewhere).rollback(live) == live
    assert open_bundle(tmp_path / "elsewhere" / "bundles" / live).bundle_id == live


def test_what_is_damaged_in_the_bucket_is_built_anew(
    settings: FakeSettings, store: FakeStore, bucket: str
) -> None:
    settings = replace(settings, bundles_location=f"gs://{bucket}")
    live = build_and_publish(settings, store)
    manifest = f"{live}/manifest.json"
    generation = Bucket(bucket).about(manifest).generation
    Bucket(bucket).write(manifest, b"{", if_generation=generation)
    assert needs_build(settings, store)
    assert build_and_publish(settings, store) != live
