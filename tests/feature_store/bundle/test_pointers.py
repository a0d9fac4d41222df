"""Pin and canary: the same in a folder and in a bucket."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import BundleRegistry, Registry, RemoteRegistry
from feature_store.bundle.pointers import Canary, Pin, read_pinned_at
from feature_store.bundle.remote_pointer import parse_pointer
from feature_store.errors import BundleError, NoBundleError

BAD = ["unjudged", "missing", "../a", "damaged"]


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, registry: BundleRegistry) -> Registry:
    """The bundles a, b and c, of which none is live, and two that must not be."""
    damaged = registry.path("damaged")
    registry.path("c").rename(damaged)
    manifest = (damaged / "manifest.json").read_text()
    (damaged / "manifest.json").write_text(manifest.replace('"c"', '"damaged"'))
    with (damaged / "vectors.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    if request.param == "folder":
        return registry
    bucket: str = request.getfixturevalue("bucket")
    return RemoteRegistry(f"gs://{bucket}/shop/bundles", registry.folder)


def pinned(place: Registry) -> str | None:
    pin = place.pinned()
    return pin.bundle_id if pin else None


def actions(place: Registry) -> list[str]:
    return [str(entry["action"]) for entry in place.journal()]


def test_nothing_is_pinned_and_there_is_no_canary_at_first(place: Registry) -> None:
    assert (place.pinned(), place.canary_pointer()) == (None, None)
    with pytest.raises(NoBundleError, match="nothing has been published"):
        place.pin()
    with pytest.raises(BundleError, match="nothing is live"):
        place.canary("a", 0.5)
    assert (place.unpin(), place.no_canary()) == (None, False)
    assert list(place.journal()) == []


def test_the_live_bundle_is_pinned(place: Registry) -> None:
    place.publish("a")
    assert place.pin() == "a"
    pin = place.pinned()
    assert pin is not None
    assert (pin.bundle_id, place.current()) == ("a", "a")
    assert pin.at.startswith("20")
    assert place.unpin() == pin
    assert (place.pinned(), place.current()) == (None, "a")
    assert actions(place) == ["publish", "pin", "unpin"]


def test_another_bundle_is_made_live_and_pinned(place: Registry) -> None:
    place.publish("a")
    assert place.pin("b") == "b"
    assert (pinned(place), place.current(), place.previous()) == ("b", "b", "a")


def test_a_pin_keeps_builds_from_publishing_but_no_person(place: Registry) -> None:
    place.publish("a")
    place.pin()
    with pytest.raises(BundleError, match=r"a is pinned, .* b is not made live; 'nitamono unpin'"):
        place.publish("b", unless_pinned=True)
    assert place.current() == "a"
    place.publish("a", unless_pinned=True)
    place.publish("b")
    assert (place.current(), pinned(place)) == ("b", "b")
    assert place.rollback() == "a"
    assert (place.current(), pinned(place)) == ("a", "a")
    place.unpin()
    place.publish("b", unless_pinned=True)
    assert (place.current(), place.pinned()) == ("b", None)


def test_who_was_pinned_when_is_noted(place: Registry) -> None:
    place.publish("a")
    place.pin()
    place.publish("b")
    place.rollback()
    place.unpin()
    place.publish("b")
    noted: list[Any] = [(entry["action"], entry.get("pinned")) for entry in place.journal()]
    assert noted == [
        ("publish", None),
        ("pin", "a"),
        ("publish", "b"),
        ("rollback", "a"),
        ("unpin", None),
        ("publish", None),
    ]
    assert all(entry["at"] for entry in place.journal())


@pytest.mark.parametrize("bad", BAD)
def test_only_a_proven_bundle_is_pinned_or_a_canary(place: Registry, bad: str) -> None:
    place.publish("a")
    with pytest.raises(BundleError):
        place.pin(bad)
    with pytest.raises(BundleError):
        place.canary(bad, 0.5)
    assert (place.current(), place.pinned(), place.canary_pointer()) == ("a", None, None)
    assert actions(place) == ["publish"]


def test_a_live_bundle_that_was_damaged_since_is_not_pinned(registry: BundleRegistry) -> None:
    registry.publish("a")
    (registry.path("a") / "items.arrow").unlink()
    with pytest.raises(BundleError, match=r"items\.arrow is missing"):
        registry.pin()
    assert registry.pinned() is None


def test_a_canary_has_its_share_until_it_is_put_off(place: Registry) -> None:
    place.publish("a")
    given = place.canary("b", 0.1)
    assert place.canary_pointer() == given
    assert (given.bundle_id, given.share) == ("b", 0.1)
    place.canary("b", 0.25)
    found = place.canary_pointer()
    assert found is not None
    assert found.share == 0.25
    assert place.current() == "a"
    assert place.no_canary()
    assert place.canary_pointer() is None
    assert not place.no_canary()
    assert actions(place) == ["publish", "canary", "canary", "no canary"]


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.1, float("nan"), True])
def test_a_share_is_above_0_and_below_1(place: Registry, share: float) -> None:
    place.publish("a")
    with pytest.raises(BundleError, match="share is above 0 and below 1"):
        place.canary("b", share)
    assert place.canary_pointer() is None


def test_the_live_bundle_is_no_canary(place: Registry) -> None:
    place.publish("a")
    with pytest.raises(BundleError, match="a is live"):
        place.canary("a", 0.5)
    place.canary("b", 0.5)
    place.publish("b")
    assert place.canary_pointer() is None
    place.canary("a", 0.5)
    assert place.rollback() == "a"
    assert place.canary_pointer() is None, "nor does it come back with what it was the canary of"


def test_another_live_bundle_leaves_the_canary(place: Registry) -> None:
    place.publish("a")
    place.canary("b", 0.5)
    place.publish("a")
    place.pin()
    place.unpin()
    assert (place.canary_pointer() or Canary("", 0.1)).bundle_id == "b"


def test_rolling_back_knows_nothing_of_canaries(place: Registry) -> None:
    place.publish("a")
    place.publish("b")
    place.canary("a", 0.5)
    place.no_canary()
    place.pin()
    place.unpin()
    assert place.previous() == "a"
    assert place.rollback() == "a"


def test_pin_and_canary_are_never_pruned(registry: BundleRegistry) -> None:
    for number, name in enumerate(("c", "b", "a")):
        path = registry.path(name) / "manifest.json"
        changed = json.loads(path.read_text()) | {"created_at": f"2026-01-0{number + 1}"}
        path.write_text(json.dumps(changed))
    registry.publish("b")
    registry.pin()
    registry.canary("c", 0.5)
    assert registry.prune(keep=0) == ("a",)
    registry.no_canary()
    assert registry.prune(keep=0) == ("c",)


def test_a_pin_is_a_pin_whatever_is_in_its_file(registry: BundleRegistry) -> None:
    registry.publish("a")
    for text in ("", "{", "[]", "\x00", '{"at": 1}', "[" * 50_000):
        (registry.folder / "PIN").write_text(text)
        assert pinned(registry) == "a"
    assert read_pinned_at('{"at": "2026-01-01"}') == "2026-01-01"
    registry.unpin()
    assert registry.pinned() is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", "[" * 50_000),
        *('{"bundle_id": "b"}', '{"bundle_id": "../b", "share": 0.5}'),
    ],
)
def test_a_damaged_canary_is_an_error_until_it_is_set_again_or_off(
    registry: BundleRegistry, text: str
) -> None:
    registry.publish("a")
    (registry.folder / "CANARY").write_text(text)
    with pytest.raises(BundleError, match="CANARY names no canary"):
        registry.canary_pointer()
    registry.publish("c")
    assert registry.no_canary()
    assert registry.canary_pointer() is None
    (registry.folder / "CANARY").write_text(text)
    registry.canary("b", 0.5)
    assert (registry.canary_pointer() or Canary("", 0.1)).bundle_id == "b"


def test_what_a_bucket_says_of_a_canary_is_taken_only_if_it_makes_sense() -> None:
    def said(**more: Any) -> bytes:
        return json.dumps({"bundle_id": "a", "flips": [], **more}).encode()

    for canary in ("b", {}, {"bundle_id": "b", "share": 2}, 3):
        assert parse_pointer(said(canary=canary), 1).canary is None
    sound = parse_pointer(said(canary={"bundle_id": "b", "share": 0.5}), 1)
    assert sound.canary == Canary("b", 0.5)
    assert parse_pointer(sound.to_json().encode(), 1) == sound
    kept = parse_pointer(said(pinned_at="2026-01-01"), 1)
    assert kept.pin == Pin("a", "2026-01-01")
    assert parse_pointer(kept.to_json().encode(), 1) == kept
    of_0_1_0 = parse_pointer(said(), 1)
    assert (of_0_1_0.pin, of_0_1_0.canary) == (None, None)


def test_programs_of_0_1_0_take_no_pin_or_canary_for_a_flip(registry: BundleRegistry) -> None:
    registry.publish("a")
    registry.publish("b")
    registry.pin()
    registry.canary("c", 0.5)
    registry.no_canary()
    registry.unpin()
    lines = (registry.folder / "PUBLISHED.jsonl").read_text().splitlines()
    flips = [entry for entry in map(json.loads, lines) if "bundle_id" in entry]
    assert [entry["bundle_id"] for entry in flips] == ["a", "b"]
    assert (registry.folder / "CURRENT").read_text() == "b\n"


def test_a_pin_that_was_cut_short_has_pinned_what_was_live(
    registry: BundleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish("a")
    real = Path.replace

    def replace_until_killed(self: Path, target: Path) -> Path:
        if target.name == "CURRENT":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace_until_killed)
        with pytest.raises(KeyboardInterrupt):
            registry.pin("b")
    assert registry.current() == "a"
    with pytest.raises(BundleError, match="a is pinned"):
        registry.publish("c", unless_pinned=True)
    assert registry.pin("b") == "b"
    assert (registry.current(), registry.pinned() is not None) == ("b", True)
