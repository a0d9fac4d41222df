"""`nitamono bundles`, `publish` and `rollback`, with a folder and with a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.storage import Bucket
from tests.serving.shop_bundle import build_shop

Use = Callable[[str], None]


@pytest.fixture(params=["home", "folder", "bucket"])
def places(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two bundles that are built where bundles for the place are built, neither published there."""
    home = tmp_path / "home"
    built = home
    monkeypatch.setenv("NITAMONO_HOME", str(home))
    location = str(home / "bundles")
    if request.param == "folder":
        built = tmp_path / "elsewhere"
        location = str(built / "bundles")
    if request.param == "bucket":
        location = f"gs://{request.getfixturevalue('bucket')}/bundles"
    if request.param != "home":
        monkeypatch.setenv("NITAMONO_BUNDLES", location)
    for name in ("shop-1", "shop-2"):
        build_shop(built, name)
    for name in ("CURRENT", "PUBLISHED.jsonl"):
        (built / "bundles" / name).unlink()
    return location


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def live() -> list[str]:
    listed = json.loads(call("bundles", "--json").output)
    assert {row["bundle_id"] for row in listed} == {"shop-1", "shop-2"}
    return [row["bundle_id"] for row in listed if row["live"]]


def test_publishing_and_going_back(places: str) -> None:
    assert live() == []
    assert call("publish", "shop-1").output == "live: shop-1\n"
    assert call("publish", "shop-2").output == "live: shop-2\n"
    assert live() == ["shop-2"]
    back = call("rollback")
    assert back.stdout == "live: shop-1\n"
    assert "pause the DAG similarity_index" in back.stderr
    assert live() == ["shop-1"]
    assert call("rollback", "shop-2").stdout == "live: shop-2\n"
    assert "shop-2" in call("bundles").output
    assert call("publish", "shop-3").exit_code == 1


def test_a_bucket_that_is_not_there_is_one_clear_error(
    gcs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("NITAMONO_BUNDLES", "gs://nobodys-bucket/bundles")
    build_shop(tmp_path)
    result = call("publish", "shop-1")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "gs://nobodys-bucket/bundles" in " ".join(result.output.split())
    monkeypatch.setenv("NITAMONO_BUNDLES", "gs://No Bucket/x")
    assert "names no possible bucket" in " ".join(call("bundles").output.split())


def test_a_folder_of_bundles_can_be_put_into_a_bucket_by_hand(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "home"))
    folder = build_shop(tmp_path / "other")
    for path in sorted(folder.parent.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            name = path.relative_to(folder.parent).as_posix()
            Bucket(bucket).upload(name, path, if_generation=0)
    monkeypatch.setenv("NITAMONO_BUNDLES", f"gs://{bucket}")
    listed = json.loads(call("bundles", "--json").output)
    assert [(row["bundle_id"], row["live"]) for row in listed] == [("shop-1", True)]
