from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.errors import BundleError, NoBundleError


def test_nothing_is_live_at_first(tmp_path: Path) -> None:
    registry = BundleRegistry(tmp_path / "bundles")
    assert registry.current() is None
    assert registry.list() == []
    with pytest.raises(NoBundleError, match="nothing has been published"):
        registry.open()


def test_the_list_says_what_there_is(registry: BundleRegistry) -> None:
    rows = {row.bundle_id: row for row in registry.list()}
    assert sorted(rows) == ["a", "b", "c", "unjudged"]
    assert (rows["a"].items, rows["a"].regions, rows["a"].gate_passed) == (54, 109, True)
    assert rows["unjudged"].gate_passed is None
    assert rows["a"].size_bytes > 109 * 64 * 4


def test_the_newest_is_listed_first(registry: BundleRegistry) -> None:
    for name, day in (("a", 2), ("b", 9), ("c", 5), ("unjudged", 1)):
        path = registry.path(name) / "manifest.json"
        changed = json.loads(path.read_text()) | {"created_at": f"2026-01-0{day}T00:00:00+00:00"}
        path.write_text(json.dumps(changed))
    assert [row.bundle_id for row in registry.list()] == ["b", "c", "a", "unjudged"]


def test_a_damaged_neighbour_does_not_hide_the_others(registry: BundleRegistry) -> None:
    (registry.path("b") / "manifest.json").write_text("{")
    assert {row.bundle_id for row in registry.list()} == {"a", "c", "unjudged"}


def test_a_copied_folder_is_no_bundle_of_its_own(registry: BundleRegistry) -> None:
    registry.publish("a")
    shutil.copytree(registry.path("b"), registry.path("b-backup"))
    assert {row.bundle_id for row in registry.list()} == {"a", "b", "c", "unjudged"}
    for use in (registry.publish, registry.rollback, registry.pin, registry.open):
        with pytest.raises(BundleError, match="b-backup is a copy of b"):
            use("b-backup")
    with pytest.raises(BundleError, match="b-backup is a copy of b"):
        registry.canary("b-backup", 0.5)
    assert registry.current() == "a"


def test_a_current_that_is_no_text_names_no_bundle(registry: BundleRegistry) -> None:
    (registry.folder / "CURRENT").write_bytes(b"\xff\xfe\x00")
    assert registry.current() is not None
    with pytest.raises(BundleError, match="is not the name of a bundle"):
        registry.open()
    registry.publish("a")
    assert registry.open().bundle_id == "a"


def test_published_bundles_are_live_and_open(registry: BundleRegistry) -> None:
    registry.publish("a")
    assert registry.current() == "a"
    assert registry.open().bundle_id == "a"
    assert registry.open("b").bundle_id == "b"
    registry.publish("b")
    assert (registry.folder / "CURRENT").read_text() == "b\n"


@pytest.mark.parametrize("bad", ["unjudged", "missing", "../a", "", ".", "a/../b", ".lock"])
def test_what_cannot_be_live_is_refused_and_the_live_one_stays(
    registry: BundleRegistry, bad: str
) -> None:
    registry.publish("a")
    with pytest.raises(BundleError):
        registry.publish(bad)
    with pytest.raises(BundleError):
        registry.rollback(bad or "..")
    assert registry.current() == "a"


def test_a_damaged_bundle_is_not_published(registry: BundleRegistry) -> None:
    registry.publish("a")
    with (registry.path("b") / "vectors.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x7f")
    with pytest.raises(BundleError, match=r"vectors\.npy is damaged"):
        registry.publish("b")
    assert registry.current() == "a"


def test_rolling_back_goes_back_step_by_step(registry: BundleRegistry) -> None:
    for name in ("a", "b", "c"):
        registry.publish(name)
    assert registry.previous() == "b"
    assert registry.rollback() == "b"
    assert registry.rollback() == "a"
    assert registry.previous() is None
    with pytest.raises(BundleError, match="no earlier bundle"):
        registry.rollback()
    assert registry.current() == "a"


def test_rolling_back_by_name_forgets_what_came_after(registry: BundleRegistry) -> None:
    for name in ("a", "b", "c"):
        registry.publish(name)
    assert registry.rollback("a") == "a"
    registry.publish("c")
    assert registry.rollback() == "a"


def test_publishing_twice_is_publishing_once(registry: BundleRegistry) -> None:
    for name in ("a", "b", "b"):
        registry.publish(name)
    assert registry.rollback() == "a"


def test_a_flip_that_was_never_logged_still_counts(registry: BundleRegistry) -> None:
    registry.publish("a")
    (registry.folder / "CURRENT").write_text("b\n")
    with (registry.folder / "PUBLISHED.jsonl").open("a") as file:
        file.write('{"at": "2026-01-01", "bund')
    assert registry.rollback() == "a"


def test_pruning_keeps_the_newest_the_live_one_and_its_predecessor(
    registry: BundleRegistry,
) -> None:
    for number, name in enumerate(("a", "b", "c")):
        path = registry.path(name) / "manifest.json"
        changed = json.loads(path.read_text()) | {"created_at": f"2026-01-0{number + 1}"}
        path.write_text(json.dumps(changed))
    registry.publish("b")
    registry.publish("a")
    assert registry.prune(keep=1) == ()
    registry.publish("c")
    assert registry.prune(keep=1, dry_run=True) == ("b",)
    assert registry.prune(keep=1) == ("b",)
    assert registry.rollback() == "a"
    assert {row.bundle_id for row in registry.list()} == {"a", "c", "unjudged"}


def test_pruning_keeps_what_a_rollback_takes_when_the_predecessor_is_gone(
    registry: BundleRegistry,
) -> None:
    for number, name in enumerate(("a", "b", "c")):
        path = registry.path(name) / "manifest.json"
        changed = json.loads(path.read_text()) | {"created_at": f"2026-01-0{number + 1}"}
        path.write_text(json.dumps(changed))
        registry.publish(name)
    registry.discard("b")
    assert registry.previous() == "a"
    assert registry.prune(keep=1) == ()
    assert registry.rollback() == "a"


def test_pruning_sweeps_up_after_builds_that_were_killed(registry: BundleRegistry) -> None:
    registry.publish("a")
    for name, age in (
        (".building-old", 2 * 86400),
        (".scratch-old", 2 * 86400),
        (".building-new", 0),
    ):
        folder = registry.folder / name
        folder.mkdir()
        os.utime(folder, (time.time() - age,) * 2)
    registry.prune(keep=9)
    assert [path.name for path in registry.folder.glob(".b*")] == [".building-new"]
    assert not list(registry.folder.glob(".scratch*"))


def test_a_reader_never_sees_anything_but_a_whole_live_bundle(registry: BundleRegistry) -> None:
    registry.publish("a")
    seen: dict[str, int] = {}
    stop = threading.Event()
    failures: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                live = registry.current()
                assert live in {"a", "b"}, live
                registry.open(live)
                seen[live] = seen.get(live, 0) + 1
        except BaseException as error:  # noqa: BLE001 - the test fails with it below
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        registry.publish("b")
        registry.rollback("a")
    stop.set()
    reader.join(timeout=30)
    assert failures == []
    assert set(seen) == {"a", "b"}
    assert len((registry.folder / "PUBLISHED.jsonl").read_text().splitlines()) == 101
