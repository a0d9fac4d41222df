"""How much memory and time a store of a million regions takes: `make bench-store`.

It synthesises the store (items of two photos, photos of two regions, seeded random vectors), then
measures three things, each in a process of its own: to stream the whole snapshot, to replace one
day's partition, and `nitamono status --json`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import track
from rich.table import Table

from feature_store.memory import peak_bytes
from feature_store.schemas import FEATURES, ITEMS, LEDGER, WHOLE, Box
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.tables.store import PartitionBatch

DETECTOR = "synthetic boxes@00000000000d"
EXTRACTOR = "synthetic vectors@00000000000e"
FIRST_DAY = dt.date(2026, 1, 1)
ROWS_PER_ITEM = 4
PRODUCT = Box(0.1, 0.2, 0.6, 0.9)

BARS = {"stream_peak_bytes": 2 * 2**30, "replace_seconds": 5.0, "status_seconds": 2.0}
"""What a store of 1,000,000 rows of 1280 floats may take on a machine of 2 cores."""


def day_name(number: int) -> str:
    """Return the name of the `number`th day's partition."""
    return (FIRST_DAY + dt.timedelta(days=number)).isoformat()


def synthetic_batch(number: int, rows: int, dim: int, seed: int = 0) -> PartitionBatch:
    """Return the partition of a day on which `rows` / 4 items are new; vectors float32 (dim)."""
    ds = day_name(number)
    items = [f"item-{number:04d}-{n:06d}" for n in range(rows // ROWS_PER_ITEM)]
    images = [(item, index) for item in items for index in (0, 1)]
    uris = [f"https://images.example/catalogue/{item}/{index}.jpg" for item, index in images]
    digests = [hashlib.sha256(f"{seed} {uri}".encode()).hexdigest() for uri in uris]
    return PartitionBatch(
        items=_columns(ITEMS, len(items), _of_items(ds, items, uris)),
        ledger=_columns(LEDGER, len(images), _of_ledger(ds, images, uris, digests)),
        features=_columns(
            FEATURES,
            2 * len(images),
            _of_features(ds, images, uris, digests)
            | {"dim": dim, "vector": _vectors((seed, number), 2 * len(images), dim)},
        ),
    )


def _columns(schema: pa.Schema, rows: int, given: dict[str, Any]) -> pa.Table:
    """A table of `schema`: lists are columns, other values fill theirs, the rest is null."""
    columns = []
    for field in schema:
        value = given.get(field.name)
        if isinstance(value, list | np.ndarray | pa.Array):
            columns.append(pa.array(value, field.type))
        else:
            columns.append(pa.repeat(pa.scalar(value, field.type), rows))
    return pa.Table.from_arrays(columns, schema=schema)


def _of_items(ds: str, items: list[str], uris: list[str]) -> dict[str, Any]:
    return {
        "ds": ds,
        "item_id": items,
        "images": [[uris[2 * n], uris[2 * n + 1]] for n in range(len(items))],
        "title": [f"A synthetic thing, {item}" for item in items],
        "category": "things",
        "price": 9.5,
        "currency": "EUR",
        "attributes": "{}",
        "row_digest": [hashlib.sha256(item.encode()).hexdigest() for item in items],
        "deleted": False,
    }


def _of_ledger(
    ds: str, images: list[tuple[str, int]], uris: list[str], digests: list[str]
) -> dict[str, Any]:
    return {
        "ds": ds,
        "item_id": [item for item, _ in images],
        "image_index": [index for _, index in images],
        "image_uri": uris,
        "image_id": digests,
        "status": "indexed",
        "regions": 2,
        "fingerprint": [f"etag:{digest[:32]}" for digest in digests],
        "attempts": 1,
        "tried_at": dt.datetime.fromisoformat(f"{ds}T12:00:00+00:00"),
    }


def _of_features(
    ds: str, images: list[tuple[str, int]], uris: list[str], digests: list[str]
) -> dict[str, Any]:
    count = len(images)
    corners = {
        name: [getattr(WHOLE, name), getattr(PRODUCT, name)] * count for name in WHOLE._fields
    }
    return {
        "ds": ds,
        "item_id": [item for item, _ in images for _ in range(2)],
        "image_index": [index for _, index in images for _ in range(2)],
        "image_uri": [uri for uri in uris for _ in range(2)],
        "image_id": [digest for digest in digests for _ in range(2)],
        "width_px": 800,
        "height_px": 600,
        "region_id": [part for digest in digests for part in (digest[:16], digest[16:32])],
        "kind": ["whole", "product"] * count,
        **corners,
        "confidence": [0.0, 0.75] * count,
        "label": ["", "thing"] * count,
        "detector": DETECTOR,
        "extractor": EXTRACTOR,
    }


def _vectors(seed: tuple[int, int], rows: int, dim: int) -> pa.ListArray:
    values = np.random.default_rng(seed).standard_normal((rows, dim), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    offsets = np.arange(rows + 1, dtype=np.int32) * dim
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))


def stream(home: Path, given: argparse.Namespace) -> dict[str, float]:
    """Read the whole snapshot as an index build does; peak memory of the whole process."""
    rows, last = 0, ""
    for batch in DeltaFeatureStore(home / "store").snapshot().features(EXTRACTOR):
        first = batch["item_id"][0].as_py()
        assert last <= first
        last = batch["item_id"][-1].as_py()
        rows += batch.num_rows
    assert rows == given.rows // given.days * given.days
    return {"stream_peak_bytes": peak_bytes()}


def replace(home: Path, given: argparse.Namespace) -> dict[str, float]:
    """Replace a day in the middle by other vectors of other photos."""
    number = given.days // 2
    store = DeltaFeatureStore(home / "store")
    seed = len(store.log())  # not what an earlier run has replaced it by
    batch = synthetic_batch(number, given.rows // given.days, given.dim, seed)
    start = time.perf_counter()
    store.replace_partition(day_name(number), batch)
    return {"replace_seconds": time.perf_counter() - start}


def known(home: Path, given: argparse.Namespace) -> dict[str, float]:
    """Look up a day's photos and addresses, the first time in a process."""
    ledger = synthetic_batch(given.days // 3, given.rows // given.days, given.dim).ledger
    store = DeltaFeatureStore(home / "store")
    start = time.perf_counter()
    found = store.known(ledger["image_id"].to_pylist(), DETECTOR, [EXTRACTOR])
    assert found.vectors.num_rows == found.regions.num_rows == given.rows // given.days
    known_seconds = time.perf_counter() - start
    assert store.sources(ledger["image_uri"].to_pylist()).num_rows == ledger.num_rows
    sources_seconds = time.perf_counter() - start - known_seconds
    return {
        "known_seconds": known_seconds,
        "sources_seconds": sources_seconds,
        "known_peak_bytes": peak_bytes(),
    }


CHILDREN: dict[str, Callable[[Path, argparse.Namespace], dict[str, float]]] = {
    "stream": stream,
    "known": known,
    "replace": replace,
}


def synthesise(home: Path, given: argparse.Namespace) -> None:
    """Write the store, unless an earlier run has left it."""
    store = DeltaFeatureStore(home / "store")
    written = {commit.ds for commit in store.commits()}
    for number in track(range(given.days), "writing the store", console=Console(stderr=True)):
        if day_name(number) not in written:
            batch = synthetic_batch(number, given.rows // given.days, given.dim)
            store.replace_partition(day_name(number), batch)


def measure(home: Path, given: argparse.Namespace) -> dict[str, float]:
    """Run each measurement in a process of its own, as it is run by hand or by a task."""
    figures: dict[str, float] = {}
    sizes = [f"--{name}={getattr(given, name)}" for name in ("rows", "dim", "days")]
    for child in CHILDREN:
        command = [sys.executable, "-m", "tests.benchmarks.store", *sizes]
        start = time.perf_counter()
        said = subprocess.run(
            [*command, "--folder", str(home), "--child", child],
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        figures |= json.loads(said) | {f"{child}_process_seconds": time.perf_counter() - start}
    return figures | status(home)


def status(home: Path) -> dict[str, float]:
    """Run `nitamono status --json` three times; the quickest, and the processor time it took."""
    command = [str(Path(sys.executable).with_name("nitamono")), "status", "--json"]
    runs = []
    for _ in range(3):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command,
            env=os.environ | {"NITAMONO_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        runs.append((time.perf_counter() - start, busy))
    return {"status_seconds": min(runs)[0], "status_processor_seconds": min(runs)[1]}


def report(figures: dict[str, float]) -> bool:
    """Print the figures beside their bars, and one JSON line; tell whether all are met."""
    table = Table("measured", "figure", "bar", "")
    for name, value in figures.items():
        bar = BARS.get(name)
        unit = (lambda v: f"{v / 2**20:,.0f} MiB") if name.endswith("bytes") else "{:.2f} s".format
        verdict = "" if bar is None else "pass" if value <= bar else "FAIL"
        table.add_row(name.replace("_", " "), unit(value), unit(bar) if bar else "", verdict)
    Console().print(table)
    passed = all(figures[name] <= bar for name, bar in BARS.items())
    rounded = {name: round(value, 3) for name, value in figures.items()}
    sys.stdout.write(json.dumps({"benchmark": "store", **rounded, "passed": passed}) + "\n")
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of features")
    parser.add_argument("--dim", type=int, default=1280, help="floats of a vector")
    parser.add_argument("--days", type=int, default=200, help="partitions they are spread over")
    parser.add_argument("--folder", type=Path, help="a home to keep (default: a temporary one)")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.rows % (given.days * ROWS_PER_ITEM):
        parser.error(f"every day needs as many rows, a multiple of {ROWS_PER_ITEM}")
    if given.child:
        sys.stdout.write(json.dumps(CHILDREN[given.child](given.folder, given)))
        return 0
    home = given.folder or Path(tempfile.mkdtemp(prefix="nitamono-bench-"))
    try:
        synthesise(home, given)
        return 0 if report(measure(home, given)) else 1
    finally:
        if not given.folder:
            shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main())
