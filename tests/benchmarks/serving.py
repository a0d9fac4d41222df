"""The lookup service beside a chromadb server, on one machine: `make bench-serving`.

Both hold the same vectors and are asked by turns for twelve look-alikes, by a load generator on the
same machine. chromadb has its own defaults and answers with ids and distances; Nitamono with all
that a widget shows. A look-up names an item here and sends its vector there. Vector queries send
vectors of no item; Nitamono's search is set to find as much of the truth as chromadb's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.serving_load import Load, require_wrk
from tests.benchmarks.serving_report import ALIKE, report
from tests.benchmarks.serving_servers import (
    SERVING,
    chroma,
    fill_chroma,
    installed_bytes,
    our_service,
)
from tests.benchmarks.serving_shop import Catalogue, epsilon_for, prepare, publish, say
from tests.benchmarks.serving_sides import CONNECTIONS, K, Side, our_side, their_side
from tests.benchmarks.serving_strain import kills, pause_of, soak, swaps

TARGET = 0.999
"""Of the index: chromadb finds nearly everything by its defaults."""
MILLION, MILLION_TARGET = 1_000_000, 0.95
STRAINING = 32
"""Connections while it is strained."""
WORKERS = 2


def compare(given: argparse.Namespace, catalogue: Catalogue, home: Path) -> dict[str, Any]:
    """Measure both servers by turns, and what the service takes of memory."""
    folder = catalogue.folder
    with chroma(folder / "chroma") as server:
        path = fill_chroma(server, catalogue.vectors)
        theirs = their_side(server, path, catalogue, folder)
        publish_both(catalogue, home, epsilon_for(catalogue, theirs.recall - ALIKE))
        one = memory_of(catalogue, home, 1, given.seconds)
        with our_service(home, WORKERS) as service:
            ours = our_side(service, catalogue, folder)
            rounds = [measure_round(ours, theirs, given.seconds) for _ in track(given.rounds)]
            two = service.shared_bytes()
    found = {name: middle([each[name] for each in rounds]) for name in rounds[0]}
    for name, side in (("nitamono", ours), ("chromadb", theirs)):
        found[f"{name}_lookups"]["recall"] = side.lookup_recall
        found[f"{name}_vectors"]["recall"] = side.recall
    inside = alone(home, folder / "queries.npy", given.seconds)
    return {**found, "inside": inside, "one_worker_bytes": one, "two_workers_bytes": two}


def measure_round(ours: Side, theirs: Side, seconds: float) -> dict[str, dict[str, float]]:
    """Ask both servers both kinds of question, one after the other."""
    return {
        "chromadb_lookups": theirs.measure(theirs.lookups, seconds),
        "nitamono_lookups": ours.measure(ours.lookups, seconds),
        "chromadb_vectors": theirs.measure(theirs.vectors, seconds),
        "nitamono_vectors": ours.measure(ours.vectors, seconds),
    }


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure; failures are summed."""
    found = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    return {**found, "failed": sum(each["failed"] for each in rounds)}


def alone(home: Path, queries: Path, seconds: float) -> dict[str, float]:
    """Return the searcher's answers in a second of processor time, in as many processes."""
    command = [str(SERVING / "bin" / "python"), "-m", "tests.benchmarks.serving_inside"]
    command += [str(home / "bundles"), str(seconds), str(queries)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(WORKERS)
    ]
    said = [json.loads(one.communicate()[0]) for one in running]
    return {name: statistics.mean(one[name] for one in said) for name in said[0]}


def publish_both(catalogue: Catalogue, home: Path, epsilon: float | None = None) -> None:
    """Write the catalogue as two bundles, one of which is live."""
    name = "tuned" if epsilon is None else f"{1000 * epsilon:.0f}"
    for twin in ("b", "a"):
        publish(catalogue, home, f"shop-{name}-{twin}", epsilon)


def memory_of(catalogue: Catalogue, home: Path, workers: int, seconds: float) -> int:
    """Return the bytes that a service takes that has answered for a while."""
    with our_service(home, workers) as service:
        side = our_side(service, catalogue, catalogue.folder)
        for questions in (side.lookups, side.vectors):
            Load(service.address, questions, CONNECTIONS).run(seconds)
        return service.shared_bytes()


def strain(given: argparse.Namespace, catalogue: Catalogue, home: Path) -> dict[str, Any]:
    """Swap, kill and wait, as far as was asked for."""
    found: dict[str, Any] = {}
    if not (given.swaps or given.kills or given.soak):
        return found
    with our_service(home, WORKERS, poll_seconds=0.2) as service:
        side = our_side(service, catalogue, catalogue.folder)
        load = Load(service.address, side.lookups, STRAINING)
        most = load.run(given.seconds)
        pause = pause_of(load, most)
        found["most_per_second"] = most.per_second
        if given.swaps:
            found["swaps"] = swaps(service, load, home, given.swaps, pause, 3 * given.seconds)
        if given.kills:
            found["kills"] = kills(service, load, given.kills, pause)
        if given.soak:
            found["soak"] = soak(service, load, given.soak, pause)
    return found


def million(given: argparse.Namespace) -> dict[str, Any]:
    """Return what a service takes that holds a million items."""
    catalogue = prepare(given.million, given.dim, MILLION_TARGET)
    home = catalogue.folder / "home"
    publish_both(catalogue, home)
    with our_service(home, WORKERS) as service:
        side = our_side(service, catalogue, catalogue.folder)
        rates = {}
        for name, questions in (("lookups", side.lookups), ("vectors", side.vectors)):
            rates[name] = side.measure(questions, given.seconds)
        return {
            "items": given.million,
            "largest_bytes": service.largest_bytes(),
            "all_bytes": service.shared_bytes(),
            **rates,
        }


def track(rounds: int) -> range:
    """Tell that the rounds begin."""
    say(f"{rounds} rounds")
    return range(rounds)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=60_000)
    parser.add_argument("--dim", type=int, default=128, help="numbers of a vector")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="times that all are asked")
    parser.add_argument("--swaps", type=int, default=0, help="bundles published under load")
    parser.add_argument("--kills", type=int, default=0, help="workers killed under load")
    parser.add_argument("--soak", type=float, default=0.0, help="minutes at 70 %% load")
    parser.add_argument(
        "--million",
        type=int,
        nargs="?",
        const=MILLION,
        default=0,
        help="measure the memory for so many items, too (an index takes most of an hour to make)",
    )
    return parser.parse_args()


def main() -> int:
    """Measure, print a table and one line of JSON; 1 if a bar is missed."""
    given = parse()
    require_wrk()
    catalogue = prepare(given.items, given.dim, TARGET)
    home = catalogue.folder / "home"
    result: dict[str, Any] = {"items": given.items, "dim": given.dim, "k": K}
    result |= compare(given, catalogue, home)
    result["installed_bytes"] = installed_bytes()
    result |= strain(given, catalogue, home)
    if given.million:
        result["million"] = million(given)
    return 0 if report(result, Console()) else 1


if __name__ == "__main__":
    sys.exit(main())
