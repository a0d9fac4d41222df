"""Faults that the index gate, publishing or opening must catch by name; the live bundle stays."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import feature_store.index.build as index_build
from feature_store.bundle import BundleRegistry
from feature_store.bundle.format import GATE, MANIFEST
from feature_store.errors import BundleError, GateError
from feature_store.nightly import (
    build_candidate,
    build_segments,
    check_candidate,
    publish_candidate,
)
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.faults.index_gate import INDEX_FAULTS
from tests.faults.processes import Mark, call
from tests.faults.room import Room
from tests.faults.shop import settings_of
from tests.faults.undisturbed import Undisturbed

GROUP = "index gate"
STEP = 4
"""The step of the last index: another bundle is live, and the store has a new day."""


class Forgetful:
    """A store whose snapshots count more features than they give: one item's are dropped."""

    def __init__(self, inner: Any, item_id: str) -> None:
        self._inner = inner
        self._item_id = item_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def snapshot(self, *given: Any, **named: Any) -> Forgetful:
        return Forgetful(self._inner.snapshot(*given, **named), self._item_id)

    def features(self, extractor: str) -> Iterator[pa.RecordBatch]:
        for batch in self._inner.features(extractor):
            yield batch.filter(pc.not_equal(batch["item_id"], self._item_id))


def drop_vectors(settings: Settings, draw: random.Random) -> None:
    """Lose an item between the store and the index."""
    store = Forgetful(open_store(settings), "item 01")
    candidate = build_candidate(settings, store)
    check_candidate(candidate.path, settings).raise_if_failed()


def publish_what_failed(settings: Settings, draw: random.Random) -> None:
    """Publish a candidate that did not pass its gate."""
    store = Forgetful(open_store(settings), "item 01")
    candidate = build_candidate(settings, store)
    check_candidate(candidate.path, settings)
    publish_candidate(candidate.path, settings)


def publish_unjudged(settings: Settings, draw: random.Random) -> None:
    """Publish a candidate that no gate has seen."""
    publish_candidate(build_candidate(settings).path, settings)


def shift_the_graph(settings: Settings, draw: random.Random) -> None:
    """Give every vector of the graph the number of another one."""
    build_graphs = index_build.build_graphs

    def shifted(vectors: Any, *rest: Any) -> Any:
        return build_graphs(np.roll(vectors, len(vectors) // 2, axis=0), *rest)

    vars(build_segments)["build_graphs"] = shifted
    try:
        candidate = build_candidate(settings)
    finally:
        vars(build_segments)["build_graphs"] = build_graphs
    check_candidate(candidate.path, settings).raise_if_failed()


def flip_before_the_gate(settings: Settings, draw: random.Random) -> None:
    """Damage a candidate between its measuring and its gate."""
    candidate = build_candidate(settings)
    flip_a_byte(candidate.path, draw)
    check_candidate(candidate.path, settings)


def damaged(damage: Callable[[Path, random.Random], None]) -> Callable[..., None]:
    """Damage a bundle that has passed its gate, then publish it."""

    def attempt(settings: Settings, draw: random.Random) -> None:
        path = build_candidate(settings).path
        check_candidate(path, settings).raise_if_failed()
        damage(path, draw)
        publish_candidate(path, settings)

    return attempt


def live_damaged(damage: Callable[[Path, random.Random], None]) -> Callable[..., None]:
    """Damage a copy of the live bundle, and open it as the service does."""

    def attempt(settings: Settings, draw: random.Random) -> None:
        registry = BundleRegistry(Path(settings.bundles))
        path = registry.path(str(registry.current()))
        kept = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        damage(path, draw)
        try:
            registry.open()
        finally:
            for file in {*_files(path), *kept}:
                if file in kept:
                    file.write_bytes(kept[file])
                else:
                    file.unlink()

    return attempt


def flip_a_byte(bundle: Path, draw: random.Random) -> None:
    """Change one bit of one file that the manifest names."""
    files = [path for path in _files(bundle) if path.name not in {MANIFEST, GATE}]
    path = draw.choice([file for file in files if file.stat().st_size])
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def lose_a_file(bundle: Path, draw: random.Random) -> None:
    """Remove one file that the manifest names."""
    draw.choice([file for file in _files(bundle) if file.name not in {MANIFEST, GATE}]).unlink()


def lose_the_report(bundle: Path, draw: random.Random) -> None:
    """Remove the gate's report."""
    (bundle / GATE).unlink()


def add_a_file(bundle: Path, draw: random.Random) -> None:
    """Leave a file that nobody has measured."""
    (bundle / "extra.npy").write_bytes(b"extra")


def edit_the_report(bundle: Path, draw: random.Random) -> None:
    """Let the gate's report say something else."""
    report = json.loads((bundle / GATE).read_text())
    report["report"]["checks"][0]["observed"] = 0.5
    (bundle / GATE).write_text(json.dumps(report))


def unknown_format(bundle: Path, draw: random.Random) -> None:
    """Let the manifest be of a format that is not known."""
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).write_text(json.dumps({**manifest, "format_version": 999}))


def cut_the_manifest(bundle: Path, draw: random.Random) -> None:
    """Let the manifest end in its middle."""
    text = (bundle / MANIFEST).read_text()
    (bundle / MANIFEST).write_text(text[: len(text) // 2])


def _files(bundle: Path) -> list[Path]:
    return sorted(path for path in bundle.rglob("*") if path.is_file() and path.name[0] != ".")


DAMAGES: dict[str, tuple[Callable[[Path, random.Random], None], str]] = {
    "a flipped bit": (flip_a_byte, "is damaged"),
    "a missing file": (lose_a_file, "is missing"),
    "a missing gate report": (lose_the_report, f"{GATE} is missing or damaged"),
    "an unknown file": (add_a_file, "is not in the manifest"),
    "an edited gate report": (edit_the_report, f"{GATE} is missing or damaged"),
    "an unknown format version": (unknown_format, "has format version 999"),
    "a manifest cut short": (cut_the_manifest, f"{MANIFEST} is damaged"),
}
"""What is done to a bundle, and what must be said."""

FAULTS: dict[str, tuple[Callable[..., None], str]] = {
    "dropped vectors": (drop_vectors, "items present"),
    "dropped vectors, counted": (drop_vectors, "regions counted"),
    "the graph's numbers shifted": (shift_the_graph, "self retrieval"),
    **INDEX_FAULTS,
    "a failed candidate published": (publish_what_failed, "did not pass the index gate"),
    "an unjudged candidate published": (publish_unjudged, "has not been through the index gate"),
    "a flipped bit before the gate": (flip_before_the_gate, "is damaged"),
    **{f"{name}, published": (damaged(do), said) for name, (do, said) in DAMAGES.items()},
    **{f"{name}, opened": (live_damaged(do), said) for name, (do, said) in DAMAGES.items()},
}
"""How each fault is planted, and what must be said: a check's name, or the error."""


def bundles(room: Room) -> None:
    """Plant each fault; it must be caught by name, and the live bundle must stay as it is."""
    for name, wrong, caught_by, published in call(
        room.log, plant_all, room.usual(), room.seed, room.short
    ):
        room.report.bad_bundles_published += published
        room.report.fault(GROUP, name).judge(wrong, caught_by)


def plant_all(
    mark: Mark, usual: Undisturbed, seed: int, short: bool
) -> list[tuple[str, str, str, bool]]:
    """Plant each fault; return its name, what was wrong, what caught it, and whether the fault or
    anything else was published."""
    draw = random.Random(seed)
    found = []
    for name, (_, expected) in FAULTS.items():
        for _ in range(1 if short or "flipped" not in name else 12):
            usual.put(STEP)
            said = plant(usual.shop, usual.home, name, draw)
            change = usual.look_here().differs_from(usual.said[STEP])
            named = any(expected in one for one in said)
            wrong = change or ("" if named else f"said is {said or 'nothing'}")
            found.append((name, wrong, _by(expected, said), bool(change)))
    return found


def plant(shop: Path, home: Path, name: str, draw: random.Random) -> list[str]:
    """Plant a fault; return what was said against it: nothing if it was not caught."""
    try:
        FAULTS[name][0](settings_of(shop, home), draw)
    except GateError as error:
        return list(error.failures)
    except BundleError as error:
        return [f"{type(error).__name__}: {error}"]
    return []


def _by(expected: str, said: list[str]) -> str:
    if said and said[0].startswith(f"{BundleError.__name__}:"):
        return f"BundleError: … {expected}"
    check = expected.removesuffix(": ")
    return f"the check {check!r}"
