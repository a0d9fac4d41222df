"""Swaps, kills and a long run: what a service must go through without a failed request."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from feature_store.bundle import BundleRegistry
from tests.benchmarks.serving_load import Answered, Load, read
from tests.benchmarks.serving_servers import Server
from tests.serving.service_process import children_of

SHARE = 0.7
"""Of the questions a second that the service can answer, so many are asked."""
SAMPLE_SECONDS = 5.0
PATIENCE_SECONDS = 120.0
UNHURRIED = 3
"""Times as long as a swap or a kill takes, a run is planned to go on; it is ended early."""


def pause_of(load: Load, most: Answered) -> float:
    """Return the pause between questions that leaves a part of the machine idle."""
    return load.pause_for(SHARE * most.per_second, most.mean_ms / UNHURRIED)


def swaps(
    server: Server, load: Load, home: Path, count: int, pause_ms: float, steady_seconds: float
) -> dict[str, Any]:
    """Publish two bundles by turns under load; return what it did to the answers.

    What is steady is found out before, in so many seconds.
    """
    registry = BundleRegistry(home / "bundles")
    both = sorted(row.bundle_id for row in registry.list())
    seconds: list[float] = []

    def swap() -> None:
        other = next(name for name in both if name != registry.current())
        begun = time.monotonic()
        registry.publish(other)
        _until(lambda: server.ask("/readyz")["bundle"] == other)
        seconds.append(time.monotonic() - begun)

    steady = load.run(steady_seconds, pause_ms=pause_ms)
    found = _during(load, pause_ms, [swap] * count, "swaps")
    return {
        "swaps": count,
        "longest_swap_seconds": max(seconds),
        "steady_p99_ms": steady.p99_ms,
        "p99_ms": found.p99_ms,
        "p99_ratio": found.p99_ms / steady.p99_ms,
        "requests": found.requests,
        "failed": found.failed + steady.failed,
    }


def kills(server: Server, load: Load, count: int, pause_ms: float) -> dict[str, Any]:
    """Kill workers at random under load; what they held may fail, and nothing else."""
    held: list[int] = []

    def kill() -> None:
        _until(lambda: len(_workers(server)) == workers)
        victim = random.choice(_workers(server))
        os.kill(victim, signal.SIGSTOP)  # so that it takes no more while it is looked at
        held.append(connections_of(victim))
        os.kill(victim, signal.SIGKILL)
        _until(lambda: victim not in _workers(server))

    workers = len(_workers(server))
    found = _during(load, pause_ms, [kill] * count, "kills")
    _until(lambda: len(_workers(server)) == workers)
    return {
        "kills": count,
        "requests": found.requests,
        "held_by_killed": sum(held),
        "broken": found.broken,
        "failed": found.refused + found.wrong + found.late,
        "p99_ms": found.p99_ms,
        "max_ms": found.max_ms,
    }


def soak(server: Server, load: Load, minutes: float, pause_ms: float) -> dict[str, Any]:
    """Ask for many minutes; return how memory went."""
    sizes: list[int] = []
    running = load.start(60 * minutes, pause_ms=pause_ms)
    try:
        for _ in _shown(int(60 * minutes / SAMPLE_SECONDS), "soak"):
            sizes.append(server.shared_bytes())
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(SAMPLE_SECONDS)
        found = read(running)
    finally:
        running.kill()
    return {
        "minutes": minutes,
        "requests": found.requests,
        "per_second": found.per_second,
        "p99_ms": found.p99_ms,
        "failed": found.failed,
        "first_bytes": sizes[0],
        "last_bytes": sizes[-1],
        "growth": growth_of(sizes),
    }


def growth_of(sizes: Sequence[int]) -> float:
    """Return by what share the last tenth is above the second one; the first is for warming up."""
    tenth = len(sizes) // 10
    early, late = sizes[tenth : 2 * tenth] or sizes[:1], sizes[-tenth:] if tenth else sizes[-1:]
    return statistics.mean(late) / statistics.mean(early) - 1


def _during(load: Load, pause_ms: float, steps: list[Callable[[], None]], name: str) -> Answered:
    """Take steps while the load is on; return what became of the questions."""
    running = load.start(len(steps) * PATIENCE_SECONDS, pause_ms=pause_ms)
    try:
        for number in _shown(len(steps), name):
            steps[number]()
            assert running.poll() is None, "wrk ended early"
        running.send_signal(signal.SIGINT)  # it stops asking, and says what it found
        return read(running)
    finally:
        running.kill()


def _shown(count: int, name: str) -> Any:
    return track(range(count), name, console=Console(stderr=True))


def _workers(server: Server) -> list[int]:
    """Return the workers of the generation that serves: the youngest leader's children."""
    leaders = children_of(server.process)
    with contextlib.suppress(FileNotFoundError, IndexError):
        return children_of(max(leaders))
    return []


def connections_of(process: int) -> int:
    """Return how many connections of clients a process holds."""
    held = 0
    sockets = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(descriptor.readlink()).removeprefix("socket:[").rstrip("]"))
    for line in Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        held += columns[3] == "01" and columns[9] in sockets
    return held


def _until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not met():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
