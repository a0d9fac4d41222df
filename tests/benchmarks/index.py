"""Nitamono's search beside hnswlib and faiss on the same vectors: `make bench-index`.

Every engine gets the same full vectors and is judged by the same exact answers. Each builds its
index in a process of its own, with two threads; then one process with one thread asks all of them
in turns, one query a call. What a noisy machine can be trusted with is processor time: queries/s,
and what two builds are compared by, are counted in it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.index_data import FASHION, prepare
from tests.benchmarks.index_engines import BREADTH, ENGINES, LINKS, THREADS
from tests.benchmarks.index_measure import at_target, build, plain, search
from tests.benchmarks.index_picture import Mark, draw

FASTER, FASTER_GOAL, BUILD_SHARE = 1.3, 2.0, 3.0
"""At 60,000: queries/s, and processor time to build, in multiples of hnswlib's."""
MILLION, MILLION_SECONDS, MILLION_BYTES = 1_000_000, 45 * 60, 4e9
"""What a million vectors of 128 numbers may take on a machine of two cores."""
TARGETS = {FASHION: 0.99, MILLION: 0.95}


def measure(given: argparse.Namespace) -> dict[str, Any]:
    """Build and search an index with every engine; return what was measured."""
    dataset = prepare(given.vectors, given.dim, given.queries)
    dataset.truth()
    home = Path(tempfile.mkdtemp(prefix="indexes-", dir=given.folder or dataset.folder))
    try:
        builds = {}
        for engine in given.only:
            _say(f"{given.vectors:,} vectors: building with {engine}")
            builds[engine] = _child(given, "build", [engine], home)
        _say(f"{given.vectors:,} vectors: searching")
        found = _child(given, "search", given.only, home)
    finally:
        shutil.rmtree(home)
    vectors, dim = dataset.vectors.shape
    picture = dataset.folder.with_suffix(".svg")
    lines = {
        name: [Mark(p["setting"], p["recall"], p["queries_per_second"]) for p in engine["curve"]]
        for name, engine in found.items()
    }
    at = {name: engine["at_target"] for name, engine in found.items()}
    picture.write_text(draw(f"{vectors:,} vectors of {dim:,} numbers", lines, given.target, at))
    return {
        "vectors": vectors,
        "dim": dim,
        "queries": len(dataset.queries),
        "target": given.target,
        "picture": str(picture),
        "engines": {name: builds[name] | found[name] for name in given.only},
    }


def _child(given: argparse.Namespace, what: str, who: Sequence[str], home: Path) -> dict[str, Any]:
    """Run one measurement in a process of its own, in which every library has its threads."""
    threads = str(THREADS if what == "build" else 1)
    sizes = [f"--{name}={getattr(given, name)}" for name in ("vectors", "dim", "queries")]
    ways = [f"--{name}={getattr(given, name)}" for name in ("target", "rounds")]
    where = ["--only", ",".join(who), f"--folder={home}"]
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.index", "--child", what, *sizes, *ways, *where],
        stdout=subprocess.PIPE,
        env=os.environ | {f"{name}_NUM_THREADS": threads for name in ("OMP", "OPENBLAS")},
        check=True,
    ).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def child(given: argparse.Namespace) -> dict[str, Any]:
    """Do what `_child` asks for."""
    dataset = prepare(given.vectors, given.dim, given.queries)
    if given.child == "build":
        return build(given.only[0], dataset, given.folder / given.only[0], given.target)
    points = search(dataset, given.folder, given.only, given.target, given.rounds)
    queries = len(dataset.queries)
    return {
        name: {
            "at_target": at_target(line, given.target, queries),
            "recall": max(point.recall for point in line),
            "curve": plain(line, queries),
        }
        for name, line in points.items()
    }


def bars(result: Mapping[str, Any]) -> dict[str, tuple[str, bool]]:
    """Return for each bar that holds for these vectors what was measured, and if it passes."""
    own, other = (result["engines"].get(name) for name in ("nitamono", "hnswlib"))
    if not own:
        return {}
    reached = own["at_target"] is not None
    judged = {f"recall@10 of {result['target']:g}": (f"{own['recall']:.4f}", reached)}
    if result["vectors"] == FASHION and other:
        faster = (own["at_target"] or 0.0) / other["at_target"] if other["at_target"] else 0.0
        built = own["reduce_processor_seconds"] + own["graph_processor_seconds"]
        share = built / other["processor_seconds"]
        judged[f"queries/s at least {FASTER} times hnswlib's (goal {FASTER_GOAL:g})"] = (
            f"{faster:.2f}",
            faster >= FASTER,
        )
        judged[f"processor time to build at most {BUILD_SHARE:g} times hnswlib's"] = (
            f"{share:.2f}",
            share <= BUILD_SHARE,
        )
    if (result["vectors"], result["dim"]) == (MILLION, 128):
        judged[f"built in {MILLION_SECONDS / 60:g} minutes"] = (
            f"{own['seconds'] / 60:.1f} minutes",
            own["seconds"] <= MILLION_SECONDS,
        )
        judged[f"peak memory ≤ {MILLION_BYTES / 1e9:g} GB"] = (
            f"{own['peak_bytes'] / 1e9:.2f} GB",
            own["peak_bytes"] <= MILLION_BYTES,
        )
    return judged


def report(result: dict[str, Any]) -> bool:
    """Print the engines side by side, the bars, and one JSON line; tell whether all bars pass."""
    target = result["target"]
    title = (
        f"{result['vectors']:,} vectors of {result['dim']:,} numbers, {result['queries']:,} queries"
    )
    table = Table(title=title, caption=f"picture: {result['picture']}", caption_justify="left")
    columns = (
        "build",
        "processor",
        "peak memory",
        "index",
        f"queries/s at {target:g}",
        "best recall",
    )
    table.add_column("engine")
    for name in columns:
        table.add_column(name, justify="right")
    for name, engine in result["engines"].items():
        speed = engine["at_target"]
        table.add_row(
            name,
            f"{engine['seconds']:,.0f} s",
            f"{engine['processor_seconds']:,.0f} s",
            f"{engine['peak_bytes'] / 1e6:,.0f} MB",
            f"{engine['index_bytes'] / 1e6:,.0f} MB",
            f"{speed:,.0f}" if speed else "not reached",
            f"{engine['recall']:.4f}",
        )
    Console().print(table)
    judged = bars(result)
    for name, (value, passed) in judged.items():
        Console().print(f"{'pass' if passed else 'FAIL'}  {name}: {value}", highlight=False)
    passed = all(passed for _, passed in judged.values())
    said = {"benchmark": "index", **result, "passed": passed}
    sys.stdout.write(json.dumps(_rounded(said)) + "\n")
    return passed


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"HNSW has M {LINKS} and efConstruction {BREADTH}."
    )
    parser.add_argument(
        "--vectors",
        type=int,
        nargs="*",
        default=[FASHION, MILLION],
        help=f"how many, one run after the other: {FASHION} are the photos of Fashion-MNIST, any "
        "other number are synthetic clusters",
    )
    parser.add_argument("--dim", type=int, default=128, help="numbers of a synthetic vector")
    parser.add_argument("--queries", type=int, help="default: 10,000 photos, 2,000 synthetic ones")
    parser.add_argument("--only", type=lambda names: names.split(","), default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=3, help="times that everything is asked")
    parser.add_argument("--target", type=float, help="recall@10 (default: the bar's)")
    parser.add_argument("--folder", type=Path, help="where the indexes are put, for a while")
    parser.add_argument("--child", choices=("build", "search"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    given, passed = _parse(), True
    for count in given.vectors:
        one = argparse.Namespace(**vars(given))
        one.vectors = count
        one.queries = given.queries or (10_000 if count == FASHION else 2_000)
        one.target = given.target or TARGETS.get(count, 0.95)
        if given.child:
            sys.stdout.write(json.dumps(child(one)))
        else:
            passed &= report(measure(one))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
