"""`nitamono export vald` and `nitamono export bigquery`, by the command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from feature_store.bundle import open_bundle
from feature_store.bundle.format import Part
from feature_store.cli import export as command
from feature_store.cli import main
from feature_store.engines.regions import BundleRegions
from feature_store.engines.vald.names import vector_id
from feature_store.tables.settings import TablesSettings
from tests.feature_store.engines.bigquery.two_days import DIMS, ONE, two_days
from tests.feature_store.engines.conftest import GOLDEN
from tests.feature_store.engines.vald.fake_vald import OK, Code, FakeVald


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two proven bundles, of which the larger one is live."""
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    for path in GOLDEN.iterdir():
        if path.is_dir():
            shutil.copytree(path, tmp_path / "bundles" / path.name)
    (tmp_path / "bundles" / "CURRENT").write_text(ids(tmp_path)[1])
    return tmp_path


def ids(home: Path) -> list[str]:
    """The bundles, the smaller one first."""
    manifests = sorted((home / "bundles").glob("*/manifest.json"))
    sizes = {p.parent.name: json.loads(p.read_text())["counts"]["regions"] for p in manifests}
    return sorted(sizes, key=sizes.__getitem__)


def regions(home: Path, bundle_id: str) -> BundleRegions:
    return BundleRegions(open_bundle(home / "bundles" / bundle_id))


@pytest.fixture
def vald(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVald]:
    monkeypatch.setenv("no_proxy", "*")
    with FakeVald() as running:
        yield running


def test_the_live_bundle_is_sent(home: Path, vald: FakeVald) -> None:
    _, live = ids(home)
    said = call("vald", "--address", vald.address)
    assert said.exit_code == 0, said.output
    assert said.stdout == (
        f"bundle {live} is in Vald at {vald.address}: 133 vectors new or changed, "
        "0 as they were, 0 removed\n"
    )
    sent = regions(home, live)
    items, names = sent.names(0, len(sent))
    assert vald.held.keys() == set(map(vector_id, items.to_pylist(), names.to_pylist()))


def test_another_bundle_takes_its_place(home: Path, vald: FakeVald) -> None:
    small, _ = ids(home)
    call("vald", "--address", vald.address)
    vald.held["not ours"] = np.ones(16, np.float32)
    again = call("vald", "--address", vald.address, "--bundle", small, "--prune")
    assert again.exit_code == 0, again.output
    assert "left alone: 1 vector that no export has sent" in again.stdout
    assert len(vald.held) == len(regions(home, small)) + 1
    assert f"bundle {small} is in Vald" in again.stdout


def test_a_dry_run_asks_nobody(home: Path) -> None:
    _, live = ids(home)
    said = call("vald", "--address", "nowhere.example:1", "--dry-run")
    assert said.exit_code == 0, said.output
    assert said.stdout == (
        f"bundle {live}: 133 vectors of 16 numbers (8.5 kB) would be sent to nowhere.example:1\n"
    )


def test_what_is_refused_is_named_and_the_command_fails(
    home: Path, vald: FakeVald, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SHOWN", 2)
    vald.fault = lambda name: Code.INTERNAL if name.startswith("item-0003") else OK
    said = call("vald", "--address", vald.address)
    assert said.exit_code == 1
    assert "refused: " in said.stderr
    assert "INTERNAL: a planted fault" in said.stderr
    assert said.stderr.count("item-0003") == 2
    assert "more" in said.stderr


def test_a_cluster_that_is_not_there_is_one_clear_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.engines.vald import Pace

    monkeypatch.setattr(Pace, "pause_seconds", lambda self, attempt: 0.01)
    said = call("vald", "--address", "127.0.0.1:1")
    assert said.exit_code == 1
    assert "Error: Vald at 127.0.0.1:1 cannot be reached (UNAVAILABLE 8 times in a row)" in (
        said.stderr
    )
    assert call("vald", "--address", "http://vald").stderr.endswith("write host:port\n")


def test_only_a_proven_bundle_is_sent(home: Path, vald: FakeVald) -> None:
    _, live = ids(home)
    path = home / "bundles" / live / "manifest.json"
    path.write_text(path.read_text().replace('"gate_passed": true', '"gate_passed": null'))
    said = call("vald", "--address", vald.address)
    assert said.exit_code == 1
    assert "has not been through the index gate" in said.stderr
    assert not vald.upserts


def test_nothing_published_and_no_such_bundle_are_told(home: Path) -> None:
    assert call("vald", "--address", "a:1", "--bundle", "nothing").exit_code == 1
    assert "name of a bundle" in call("vald", "--address", "a:1", "--bundle", "../x").stderr
    (home / "bundles" / "CURRENT").unlink()
    assert "nothing has been published" in call("vald", "--address", "a:1").stderr


def test_bigquery_needs_the_features_to_be_there(home: Path) -> None:
    said = call("bigquery")
    assert said.exit_code == 1
    assert "the features are not in BigQuery: NITAMONO_TABLES_STORE is delta" in said.stderr


def test_bigquerys_statements_are_printed_for_a_person(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, live = ids(home)
    for name, value in (("STORE", "bigquery"), ("PROJECT", "shop-project"), ("DATASET", "f")):
        monkeypatch.setenv(f"NITAMONO_TABLES_{name}", value)
    monkeypatch.setenv("NITAMONO_TABLES_STAGING", "gs://bucket/staging")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")  # nobody is asked
    said = call("bigquery", "--sql", "--index", "ivf", "--neighbours", "7")
    assert said.exit_code == 0, said.output
    for part in ("create", "fill", "index", "search"):
        assert f"-- {part}\n" in said.stdout
    assert f"`shop-project.f.nearest_{live}`" in said.stdout
    assert "-- @questions: ARRAY<STRING>" in said.stdout
    assert "-- @mean_0: ARRAY<FLOAT64>" in said.stdout
    assert "top_k => 7" in said.stdout
    assert "fraction_lists_to_search" in said.stdout
    assert "CREATE OR REPLACE VECTOR INDEX" not in call("bigquery", "--sql").stdout


def test_the_table_is_made_and_checked(
    bigquery_tables: TablesSettings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bundle that says it was built from this very store; its regions are other ones."""
    shop = two_days(bigquery_tables, home / "scratch")
    for name in ("store", "project", "dataset", "staging"):
        monkeypatch.setenv(f"NITAMONO_TABLES_{name.upper()}", getattr(bigquery_tables, name))
    _, live = ids(home)
    manifest = replace(
        regions(home, live).bundle.manifest,
        snapshot_version=shop.snapshot.version,
        parts=(Part(ONE, DIMS[ONE], 1.0),),
    )
    path = home / "bundles" / live / "manifest.json"
    path.write_text(manifest.to_json())
    assert "was built from another store" in call("bigquery").stderr
    manifest = replace(manifest, snapshot_content_hash=shop.snapshot.content_hash)
    path.write_text(manifest.to_json())
    said = call("bigquery")
    held = len(shop.truth()[0])
    assert said.exit_code == 1
    assert f"nearest_{live} holds {held} regions, the bundle 133" in said.stderr
    monkeypatch.setattr(BundleRegions, "__len__", lambda self: held)
    said = call("bigquery")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"{held} regions of bundle {live} in shop-project.")
