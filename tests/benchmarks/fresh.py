"""How long until what was ingested is found and what was deleted is gone: `make bench-fresh`.

A real Airflow runs the DAGs over a small rendered shop, and the real lookup service answers from
what they publish. In each round one item arrives in the catalogue and another leaves it. The clock
starts when their features have landed in the store (the commit's own time), and stops when the
service finds the one as a hit, and answers 404 for the other and hits nothing by its name.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import socket
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from feature_store.bundle import BundleRegistry
from feature_store.bundle.tier import read_pointer
from feature_store.demo.render import DemoSettings, render_demo
from feature_store.tables.delta import DeltaFeatureStore
from operators.local.airflow import LocalAirflow
from operators.local.processes import Child

BAR_SECONDS = 60.0
"""What the median of both may be."""

STEADY = 5
"""Right answers in a row, each on a new connection, that make one: there are several workers."""

SERVICE = Path(__file__).resolve().parents[2] / ".venv" / "serving" / "bin" / "nitamono"


@dataclass(frozen=True)
class Round:
    """How long one arrival and one deletion took, from the commit of their features."""

    tier_seconds: float
    """Until the tier was published."""
    found_seconds: float
    gone_seconds: float


@dataclass
class Catalogue:
    """A catalogue file that items come into and leave."""

    path: Path
    columns: list[str]
    selling: list[dict[str, str]]
    coming: list[dict[str, str]]

    def write(self) -> None:
        """Replace the file by what is for sale now."""
        beside = self.path.with_suffix(".next")
        with beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.selling)
        beside.replace(self.path)

    def change(self) -> tuple[str, str]:
        """Sell one more item and one fewer; return the ids of the new one and of the gone one."""
        new, gone = self.coming.pop(), self.selling.pop(0)
        self.selling.append(new)
        self.write()
        return new["item_id"], gone["item_id"]


@dataclass
class Shop:
    """A running shop: its home, its scheduler, and where its service answers."""

    home: Path
    catalogue: Catalogue
    airflow: LocalAirflow
    address: str
    day: str
    runs: int = 1
    tell: Callable[[str], None] = field(default=lambda _message: None)

    def measure(self) -> Round:
        """Have one item arrive and one leave, and wait until the service says so."""
        before = self._committed()
        new, gone = self.catalogue.change()
        self.airflow.trigger("catalogue_features", {"day": self.day})
        self.runs += 1
        found_at, gone_at = self._wait(lambda: self._is_found(new), lambda: self._is_gone(gone))
        landed, tier = self._committed(), self._tier_at()
        assert before is None or landed > before, "the answers changed, but nothing was committed"
        self.airflow.wait_for_runs("catalogue_features", self.runs, self.tell)
        return Round(*(round((at - landed).total_seconds(), 2) for at in (tier, found_at, gone_at)))

    def _wait(self, *asked: Callable[[], bool], patience_seconds: float = 900) -> list[dt.datetime]:
        """Return since when each question has been answered with yes, again and again."""
        since: list[dt.datetime | None] = [None] * len(asked)
        streaks = [0] * len(asked)
        deadline = time.monotonic() + patience_seconds
        while min(streaks) < STEADY:
            assert time.monotonic() < deadline, f"still not there after {patience_seconds} s"
            for number, question in enumerate(asked):
                right = question()
                answered = dt.datetime.now(dt.UTC)
                since[number] = (since[number] or answered) if right else None
                streaks[number] = streaks[number] + 1 if right else 0
            time.sleep(0.1)
        return [at for at in since if at is not None]

    def _is_found(self, item_id: str) -> bool:
        """Whether the item is there, and a hit of the one that is most like it."""
        nearest = self._similar(item_id, 1)
        return bool(nearest) and item_id in self._similar(nearest[0], 100)

    def _is_gone(self, item_id: str) -> bool:
        answer = self._get(f"/v1/items/{urllib.parse.quote(item_id, safe='')}")
        others = (self.catalogue.selling[0]["item_id"], self.catalogue.selling[-2]["item_id"])
        return answer.status_code == httpx.codes.NOT_FOUND and all(
            item_id not in self._similar(other, 100) for other in others
        )

    def _similar(self, item_id: str, limit: int) -> list[str]:
        path = f"/v1/items/{urllib.parse.quote(item_id, safe='')}/similar"
        answer = self._get(path, limit=limit)
        hits = answer.json()["hits"] if answer.status_code == httpx.codes.OK else []
        return [hit["item_id"] for hit in hits]

    def _get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", params=params, trust_env=False, timeout=30)

    def _committed(self) -> dt.datetime:
        commits = DeltaFeatureStore(self.home / "store").commits()
        return max(c.committed_at for c in commits if c.committed_at is not None)

    def _tier_at(self) -> dt.datetime:
        bundles = self.home / "bundles"
        pointer = read_pointer(bundles, BundleRegistry(bundles).current() or "")
        assert pointer is not None
        return dt.datetime.fromisoformat(pointer.at)


@contextmanager
def running_shop(folder: Path, coming: int, tell: Callable[[str], None]) -> Iterator[Shop]:
    """Render a shop, ingest and index it under a scheduler, serve it; `coming` items wait."""
    today = dt.datetime.now(dt.UTC).date()
    tell("rendering a shop")
    catalogue = _render(folder / "shop", today - dt.timedelta(days=1), coming)
    home = folder / "home"
    environment = {"NITAMONO_HOME": str(home), "NITAMONO_CATALOGUE": str(catalogue.path)}
    airflow = LocalAirflow(home / "airflow", free_port(), environment)
    port = free_port()
    service = None
    try:
        tell("starting Airflow")
        airflow.start()
        airflow.unpause("catalogue_features")
        airflow.wait_for_runs("catalogue_features", 1, tell)
        airflow.unpause("similarity_index")
        airflow.wait_for_runs("similarity_index", 1, tell)
        airflow.unpause("fresh_items")
        command = [str(SERVICE), "serve", "--port", str(port)]
        log = home / "service.log"
        service = Child("the service", command, {**os.environ, **environment}, log)
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address, service)
        yield Shop(home, catalogue, airflow, address, today.isoformat(), tell=tell)
    finally:
        if service is not None:
            service.stop()
        airflow.stop()


def _render(folder: Path, day: dt.date, coming: int) -> Catalogue:
    settings = DemoSettings(items=60 + 2 * coming, seed=3, image_px=256, days=1)
    render_demo(folder, day, settings)
    with (folder / "catalogue" / f"{day}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name != "updated_at"]
    path = folder / "catalogue" / "now.csv"
    catalogue = Catalogue(path, columns, rows[coming:], rows[:coming])
    catalogue.write()
    return catalogue


def _wait_until_ready(address: str, service: Child, patience_seconds: float = 120) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        service.require_alive()
        try:
            if httpx.get(f"{address}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the service did not become ready: {service.log.read_text()[-2000:]}")


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def summary(rounds: list[Round]) -> dict[str, Any]:
    """Return the medians and the worst of all rounds."""
    figures: dict[str, Any] = {"arrivals": len(rounds), "deletions": len(rounds)}
    for name in ("tier_seconds", "found_seconds", "gone_seconds"):
        values = [float(asdict(one)[name]) for one in rounds]
        figures[f"median_{name}"] = round(statistics.median(values), 2)
        figures[f"worst_{name}"] = round(max(values), 2)
    figures["bar_seconds"] = BAR_SECONDS
    figures["passed"] = (
        max(figures["median_found_seconds"], figures["median_gone_seconds"]) <= BAR_SECONDS
    )
    return figures


def main() -> int:
    """Measure, print a table and one line of JSON; 1 if a median is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="arrivals, and as many deletions")
    rounds_wanted = parser.parse_args().rounds
    console = Console(stderr=True)
    rounds: list[Round] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-fresh-") as folder,
        running_shop(Path(folder), rounds_wanted, console.print) as shop,
    ):
        for number in range(rounds_wanted):
            rounds.append(shop.measure())
            console.print(f"round {number + 1} of {rounds_wanted}: {asdict(rounds[-1])}")
    figures = summary(rounds)
    table = Table("seconds after the features landed", "median", "worst", "bar")
    for name, text in (
        ("tier_seconds", "tier published"),
        ("found_seconds", "arrival found by HTTP"),
        ("gone_seconds", "deletion gone by HTTP"),
    ):
        bar = "" if name == "tier_seconds" else f"{BAR_SECONDS:.0f}"
        table.add_row(text, f"{figures[f'median_{name}']}", f"{figures[f'worst_{name}']}", bar)
    Console().print(table)
    sys.stdout.write(json.dumps({"benchmark": "fresh", **figures}) + "\n")
    return 0 if figures["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
