"""A process of its own that opens the live bundle in a loop, while others publish and go back."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from feature_store.bundle import (
    Bundle,
    BundleRegistry,
    Registry,
    RemoteRegistry,
    Rules,
    Searcher,
    open_bundle,
    open_registry,
)

_PATIENCE_SECONDS = 60

FETCHED_ANEW = 8
"""Every so many readings, all of the bundle is fetched from a bucket; otherwise only CURRENT is."""


@dataclass
class Readings:
    """What the reader met."""

    opened: dict[str, int] = field(default_factory=dict)
    """How often it opened each bundle, and asked it."""
    torn: list[str] = field(default_factory=list)
    """What was wrong: an error, or a bundle that is another one than was named."""


@contextmanager
def reader(location: str, elsewhere: Path) -> Iterator[Readings]:
    """Read at `location` while the block runs, out of a bucket by way of the folder `elsewhere`.

    The block begins after the first reading; what was met is there when it has ended.
    """
    spawn = multiprocessing.get_context("spawn")
    begun, stop, told = spawn.Event(), spawn.Event(), spawn.Queue()
    process = spawn.Process(target=_read, args=(location, elsewhere, begun, stop, told))
    process.start()
    readings = Readings()
    try:
        assert begun.wait(_PATIENCE_SECONDS), "the reader does not begin"
        yield readings
    finally:
        stop.set()
        readings.opened, readings.torn = told.get(timeout=_PATIENCE_SECONDS)
        process.join(_PATIENCE_SECONDS)


def flip(registry: Registry, bundle_ids: Sequence[str], times: int) -> None:
    """Publish the bundles by turns and go back from each: so many of both."""
    for turn in range(times):
        registry.publish(bundle_ids[turn % len(bundle_ids)])
        registry.publish(bundle_ids[(turn + 1) % len(bundle_ids)])
        registry.rollback()


def _read(location: str, elsewhere: Path, begun: Event, stop: Event, told: Any) -> None:
    registry = open_registry(location, elsewhere)
    readings = Readings()
    try:
        while not stop.is_set():
            count = sum(readings.opened.values())
            bundle = _open(registry, elsewhere, anew=count % FETCHED_ANEW == 0)
            _ask(bundle, readings)
            begun.set()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        readings.torn.append(f"{type(error).__name__}: {error}")
    begun.set()
    told.put((readings.opened, readings.torn))


def _open(registry: Registry, elsewhere: Path, *, anew: bool) -> Bundle:
    if isinstance(registry, BundleRegistry):
        return registry.open()
    assert isinstance(registry, RemoteRegistry)
    live = str(registry.current())
    if anew:
        shutil.rmtree(elsewhere, ignore_errors=True)
    bundle = open_bundle(registry.receive(live, elsewhere))
    assert bundle.bundle_id == live
    return bundle


def _ask(bundle: Bundle, readings: Readings) -> None:
    item_id = bundle.items["item_id"][0].as_py()
    hits = Searcher(bundle).similar(item_id, Rules(limit=3)).hits
    if bundle.folder.name != bundle.bundle_id or not hits:
        readings.torn.append(f"{bundle.folder} says that it is {bundle.bundle_id}: {hits}")
    readings.opened[bundle.bundle_id] = readings.opened.get(bundle.bundle_id, 0) + 1
