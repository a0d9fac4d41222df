"""What the serving benchmark makes of its figures: the bars, a table, one line of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

LOOKUPS, VECTORS = 10.0, 3.0
"""Answers a second, in multiples of chromadb's."""
ALIKE = 0.001
"""Recalls that differ by less are equal: so many as are counted tell no more apart."""
OF_INSIDE = 0.5
"""Look-ups in a second of the server's processor time, as a share of those without a server."""
TWO_WORKERS = 1.15
"""Memory of two workers, in multiples of one's."""
INSTALLED_BYTES = 400e6
MILLION_BYTES = 2.5e9
SWAP_P99, SOAK_GROWTH = 1.5, 0.02


class Bar(NamedTuple):
    """What had to be reached, what was, and whether that is enough."""

    name: str
    found: str
    passed: bool


def bars(result: dict[str, Any]) -> Iterator[Bar]:
    """Yield every bar that was measured."""
    ours, theirs = result["nitamono_lookups"], result["chromadb_lookups"]
    faster = ours["per_second"] / theirs["per_second"]
    yield Bar(
        f"look-ups/s ≥ {LOOKUPS:g} times chromadb's", f"{faster:.1f} times", faster >= LOOKUPS
    )
    quick = ours["p99_ms"] < theirs["mean_ms"]
    times = f"{ours['p99_ms']:.1f} ms, {theirs['mean_ms']:.1f} ms"
    yield Bar("look-ups: p99 below chromadb's mean", times, quick)
    share = ours["per_processor_second"] / result["inside"]["items"]
    name = f"look-ups per processor second ≥ {OF_INSIDE:g} times the searcher's"
    yield Bar(name, f"{share:.2f} times", share >= OF_INSIDE)
    ours, theirs = result["nitamono_vectors"], result["chromadb_vectors"]
    faster = ours["per_second"] / theirs["per_second"]
    recalls = f"recall@10 {ours['recall']:.4f}, {theirs['recall']:.4f}"
    as_good = ours["recall"] >= theirs["recall"] - 1.5 * ALIKE
    name = f"vector queries/s ≥ {VECTORS:g} times chromadb's, at equal recall"
    yield Bar(name, f"{faster:.1f} times ({recalls})", faster >= VECTORS and as_good)
    failed = sum(int(result[name]["failed"]) for name in ("nitamono_lookups", "nitamono_vectors"))
    yield Bar("no failed request", f"{failed}", not failed)
    share = result["two_workers_bytes"] / result["one_worker_bytes"]
    sizes = [result[f"{name}_bytes"] / 1e6 for name in ("one_worker", "two_workers")]
    name = f"memory of two workers ≤ {TWO_WORKERS:g} times one's"
    yield Bar(name, f"{share:.2f} times ({sizes[0]:.0f}, {sizes[1]:.0f} MB)", share <= TWO_WORKERS)
    yield _at_most("installed", result["installed_bytes"], INSTALLED_BYTES)
    if "million" in result:
        most = max(result["million"]["largest_bytes"], result["million"]["all_bytes"])
        yield _at_most(f"memory for {result['million']['items']:,} items", most, MILLION_BYTES)
    yield from _strain_bars(result)


def _strain_bars(result: dict[str, Any]) -> Iterator[Bar]:
    if "swaps" in result:
        found = result["swaps"]
        yield Bar(
            f"{found['swaps']} swaps: failed requests", f"{found['failed']}", not found["failed"]
        )
        ratio = found["p99_ratio"]
        times = f"{ratio:.2f} times ({found['steady_p99_ms']:.1f}, {found['p99_ms']:.1f} ms)"
        yield Bar(f"swaps: p99 ≤ {SWAP_P99:g} times steady", times, ratio <= SWAP_P99)
    if "kills" in result:
        found = result["kills"]
        held, broken = found["held_by_killed"], found["broken"]
        what = f"{found['failed']}, and {broken} of {held} that they held"
        passed = not found["failed"] and broken <= held
        yield Bar(f"{found['kills']} kills: failed but what they held", what, passed)
    if "soak" in result:
        found = result["soak"]
        growth, failed = found["growth"], found["failed"]
        what = f"{100 * growth:+.1f} %, {failed} failed"
        passed = growth <= SOAK_GROWTH and not failed
        yield Bar(f"{found['minutes']:g} minutes: growth ≤ {100 * SOAK_GROWTH:g} %", what, passed)


def _at_most(name: str, found: float, most: float) -> Bar:
    return Bar(f"{name} ≤ {most / 1e6:,.0f} MB", f"{found / 1e6:,.0f} MB", found <= most)


def report(result: dict[str, Any], console: Console) -> bool:
    """Print the servers side by side, the bars, and one JSON line; tell whether all bars pass."""
    table = Table(title=f"{result['items']:,} items, {result['dim']} numbers, k {result['k']}")
    table.add_column("")
    for name in ("answers/s", "per processor s", "mean", "p99", "recall@10"):
        table.add_column(name, justify="right")
    for name in ("lookups", "vectors"):
        for server in ("nitamono", "chromadb"):
            row = result[f"{server}_{name}"]
            table.add_row(
                f"{server}: {'look-ups' if name == 'lookups' else 'vector queries'}",
                f"{row['per_second']:,.0f}",
                f"{row['per_processor_second']:,.0f}",
                f"{row['mean_ms']:.2f} ms",
                f"{row['p99_ms']:.2f} ms",
                f"{row['recall']:.4f}",
            )
    for name, text in (("items", "look-ups"), ("vectors", "vector queries")):
        table.add_row(f"no server: {text}", "", f"{result['inside'][name]:,.0f}", "", "", "")
    console.print(table)
    judged = list(bars(result))
    for bar in judged:
        sign = "pass" if bar.passed else "FAIL"
        console.print(f"{sign}  {bar.name}: {bar.found}", highlight=False, soft_wrap=True)
    passed = all(bar.passed for bar in judged)
    said = {"benchmark": "serving", **result, "passed": passed}
    sys.stdout.write(json.dumps(rounded(said)) + "\n")
    return passed


def rounded(value: Any) -> Any:
    """Return plain values with numbers as long as they are worth."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return round(value, 4) if isinstance(value, float) else value
