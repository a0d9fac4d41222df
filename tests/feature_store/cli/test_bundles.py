"""`nitamono bundles`, `publish`, `rollback`, `pin`, `canary`, with a folder and with a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.bundle import BundleRegistry
from feature_store.cli import main
from feature_store.storage import Bucket
from tests.serving.shop_bundle import build_shop
from tests.serving.shop_tier import build_tier

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
    assert call("publish", "shop-1").stdout == "live: shop-1\n"
    assert call("publish", "shop-2").stdout == "live: shop-2\n"
    assert live() == ["shop-2"]
    back = call("rollback")
    assert back.stdout == "live: shop-1\n"
    assert "until the next build; 'nitamono pin' stays with it" in back.stderr
    assert live() == ["shop-1"]
    assert call("rollback", "shop-2").stdout == "live: shop-2\n"
    assert "shop-2" in call("bundles").output
    assert call("publish", "shop-3").exit_code == 1


def roles() -> dict[str, tuple[bool, bool, float | None]]:
    listed = json.loads(call("bundles", "--json").output)
    return {r["bundle_id"]: (r["live"], r["pinned"], r["canary_share"]) for r in listed}


def test_pinning(places: str) -> None:
    assert call("pin").exit_code == 1
    call("publish", "shop-1")
    assert call("pin").stdout == "live and pinned: shop-1\n"
    assert roles() == {"shop-1": (True, True, None), "shop-2": (False, False, None)}
    assert "live, pinned" in call("bundles").output
    # By hand another can be made live; the pin moves along, and it is said.
    moved = call("publish", "shop-2")
    assert moved.stdout == "live: shop-2\n"
    assert "pinned: builds publish nothing until 'nitamono unpin'" in moved.stderr
    back = call("rollback")
    assert (back.stdout, "pinned: builds publish nothing" in back.stderr) == (
        "live: shop-1\n",
        True,
    )
    assert call("pin", "shop-2").stdout == "live and pinned: shop-2\n"
    assert roles() == {"shop-1": (False, False, None), "shop-2": (True, True, None)}
    assert call("unpin").stdout == "no longer pinned: shop-2\n"
    assert call("unpin").output == "nothing was pinned\n"
    assert roles()["shop-2"] == (True, False, None)
    assert call("pin", "shop-3").exit_code == 1


def test_a_canary(places: str) -> None:
    assert call("canary", "shop-2", "--share", "0.1").exit_code == 1  # nothing is live
    call("publish", "shop-1")
    said = call("canary", "shop-2", "--share", "0.1").stdout
    assert said == "canary: shop-2, 0.1 of all questions\n"
    assert roles() == {"shop-1": (True, False, None), "shop-2": (False, False, 0.1)}
    assert "canary 10 %" in call("bundles").output
    assert call("canary", "shop-2", "--share", "0.25").exit_code == 0
    assert roles()["shop-2"] == (False, False, 0.25)
    assert call("canary", "--off").output == "no canary any more\n"
    assert call("canary", "--off").output == "there was no canary\n"
    call("canary", "shop-2", "--share", "0.5")
    call("publish", "shop-2")
    assert roles() == {"shop-1": (False, False, None), "shop-2": (True, False, None)}


@pytest.mark.parametrize(
    "words",
    [("shop-2",), ("--share", "0.1"), ("shop-2", "--off"), ("--off", "--share", "0.2"), ()],
)
def test_a_canary_needs_a_bundle_and_a_share_or_to_be_off(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    assert call("canary", *words).exit_code == 2


@pytest.mark.parametrize("share", ["0", "1", "-0.5", "1.5", "nan"])
def test_a_share_is_above_0_and_below_1(places: str, share: str) -> None:
    call("publish", "shop-1")
    refused = call("canary", "shop-2", f"--share={share}")
    assert refused.exit_code == 1
    assert "share is above 0 and below 1" in " ".join(refused.output.split())
    assert roles()["shop-2"] == (False, False, None)


def test_the_tiers_of_what_is_served_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("shop-1", "shop-2", "shop-3"):
        build_shop(tmp_path, name)
    tiers = [build_tier(tmp_path, name, gone=["bags-00"]) for name in ("shop-1", "shop-2")]
    registry = BundleRegistry(tmp_path / "bundles")
    registry.canary("shop-2", 0.5)

    def shown() -> dict[str, str | None]:
        listed = json.loads(call("bundles", "--json").stdout)
        return {row["bundle_id"]: row["tier"] for row in listed}

    assert shown() == {"shop-1": None, "shop-2": tiers[1], "shop-3": None}
    registry.publish("shop-1")
    assert shown() == {"shop-1": tiers[0], "shop-2": tiers[1], "shop-3": None}
    assert tiers[0] in call("bundles").stdout
    (tmp_path / "bundles" / "_fresh" / "shop-1" / "CURRENT").write_text("{")
    assert shown()["shop-1"] is None
    assert "CURRENT is damaged" in call("bundles").stderr


def test_the_log_says_what_was_live_and_pinned_and_when(places: str) -> None:
    call("publish", "shop-1")
    call("pin")
    call("publish", "shop-2")
    call("unpin")
    call("canary", "shop-1", "--share", "0.1")
    logged = json.loads(call("bundles", "--log", "--json").output)
    assert [entry["action"] for entry in logged] == ["publish", "pin", "publish", "unpin", "canary"]
    assert logged[1]["pinned"] == "shop-1"
    assert (logged[2]["bundle_id"], logged[2]["pinned"]) == ("shop-2", "shop-2")
    assert all(entry["at"] for entry in logged)
    shown = call("bundles", "--log").output
    assert "publish, pinned" in shown
    assert "canary, 10 %" in shown


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


def test_what_is_live_is_listed_beside_a_canary_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    build_shop(tmp_path)
    (tmp_path / "bundles" / "CANARY").write_text("[")
    listed = call("bundles", "--json")
    assert [(row["live"], row["canary_share"]) for row in json.loads(listed.stdout)] == [
        (True, None)
    ]
    assert "CANARY names no canary" in listed.stderr
    status = json.loads(call("status", "--json").stdout)
    assert (status["live_bundle"], status["canary_bundle"]) == ("shop-1", None)
