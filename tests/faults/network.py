"""Hosts in trouble: each image ends in the ledger with its reason, and passing trouble passes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from feature_store.errors import GateError
from feature_store.images.settings import ImageSettings
from feature_store.ingest import ingest_partition, requeue_items
from feature_store.ingest.settings import IngestSettings
from feature_store.schemas import PASSING_REASONS, DataInterval
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.faults.bad_host import BadHost, running
from tests.faults.processes import Mark, call
from tests.faults.room import Room
from tests.faults.state import Rows, rows_of
from tests.feature_store.ingest.shop import Shop, quick_models

GROUP = "network"
DS = "2026-06-01"
PHOTOS = 48

TROUBLE = {
    "silence": "timed_out",
    "drops without end": "timed_out",
    "a reset": "unreachable",
    "status 500": "unreachable",
    "status 429": "unreachable",
    "status 503 for hours": "unreachable",
    "status 404": "missing",
    "status 500 once": None,
    "a truncated body": "unreachable",
    "half a file": "corrupt",
    "swapped bytes": "corrupt",
    "a page called JPEG": "not_an_image",
    "a body without end": "too_large",
}
"""What the host does, and the reason that must be in the ledger (None: the image is indexed)."""


@dataclass(frozen=True)
class Ingested:
    """A partition after an ingest: each photo's reason, all rows, and what the gate said."""

    reasons: dict[str, str | None]
    rows: Rows
    gate: str


def ingest(mark: Mark, catalogue: Path, home: Path, requeued: tuple[str, ...]) -> Ingested:
    """Ingest the day, with little patience for slow hosts; some items are asked for once more."""
    requeue_items(home, requeued)
    settings = Settings(
        home=home,
        catalogue_location=str(catalogue),
        images=ImageSettings(
            allow_http=True,
            allow_private_hosts=True,
            attempts=2,
            backoff_seconds=0.01,
            connect_seconds=2.0,
            read_seconds=1.0,
            total_seconds=2.5,
            max_bytes=1 << 20,
        ),
        ingest=IngestSettings(items_per_shard=12),
    )
    gate = ""
    try:
        ingest_partition(DataInterval.day(DS), settings, None, quick_models())
    except GateError as error:
        gate = str(error)
    batch, _ = open_store(settings).partition(DS)
    names = [uri.rpartition("/")[2] for uri in batch.ledger["image_uri"].to_pylist()]
    reasons = dict(zip(names, batch.ledger["reason"].to_pylist(), strict=True))
    return Ingested(reasons, rows_of(batch), gate)


class Days:
    """Runs of one day, against a host that is well and one that is not."""

    def __init__(self, room: Room, host: BadHost, catalogue: Path) -> None:
        """Run the day once without trouble."""
        self.room, self.host, self.catalogue = room, host, catalogue
        self.draw = random.Random(room.seed)
        self.well = self._ingest("well")

    def some_in_trouble(self, number: int) -> None:
        """Give each trouble a photo; then let all be well, and run the day again.

        More of the shop's photos in trouble than a third would rightly be stopped by the gate.
        """
        drawn = self.draw.sample(sorted(self.well.reasons), len(TROUBLE))
        names = {trouble: drawn[n :: len(TROUBLE)] for n, trouble in enumerate(TROUBLE)}
        self.host.trouble = {name: trouble for trouble in names for name in names[trouble]}
        self.host.asked.clear()
        first = self._ingest(f"some-{number}")
        self.host.trouble = {}
        again = self._ingest(f"some-{number}")
        lasting = tuple(Path(n).stem for n in drawn if again.reasons.get(n) is not None)
        requeued = self._ingest(f"some-{number}", lasting)
        for trouble, afflicted in names.items():
            fault = self.room.report.fault(GROUP, trouble)
            for name in afflicted:
                wrong = self._wrong(name, TROUBLE[trouble], first, again)
                fault.judge(wrong, _by(TROUBLE[trouble]))
        fault = self.room.report.fault(GROUP, "lasting trouble, requeued")
        fault.judge("" if requeued == self.well else "other rows than without trouble", "requeue")
        others = set(self.well.reasons) - set(drawn)
        spoiled = [name for name in others if first.reasons.get(name, "lost") is not None]
        fault = self.room.report.fault(GROUP, "photos beside those in trouble")
        fault.judge(f"{spoiled[:3]} suffered too" if spoiled else "", "all indexed")

    def all_in_trouble(self) -> None:
        """Let the whole host fail: the gate stops the day, and another try brings it all."""
        self.host.trouble = dict.fromkeys(self.well.reasons, "status 500")
        first = self._ingest("all")
        wrong = "" if "images indexed" in first.gate else f"the gate said {first.gate or 'nothing'}"
        if first.rows.total():
            wrong = wrong or "rows were committed"
        self.host.trouble = {}
        again = self._ingest("all")
        wrong = wrong or ("" if again == self.well else "the same day afterwards is another one")
        fault = self.room.report.fault(GROUP, "a host that is down")
        fault.judge(wrong, "the check 'images indexed'")

    def _ingest(self, home: str, requeued: tuple[str, ...] = ()) -> Ingested:
        folder = self.room.folder / home
        found: Ingested = call(self.room.log, ingest, self.catalogue, folder, requeued)
        return found

    def _wrong(self, name: str, expected: str | None, first: Ingested, again: Ingested) -> str:
        found = first.reasons.get(name, "none at all")
        if found != expected:
            return f"the ledger's reason is {found}, not {expected}; {first.gate}"
        kept = again.reasons.get(name, "none at all")
        if kept is not None and expected in (None, *PASSING_REASONS):
            return f"when the host is well again, the reason is {kept}"
        if kept is not None:
            return "" if kept == expected else f"afterwards the reason is {kept}"
        item = f" {Path(name).stem} "
        same = self._of(item, again.rows) == self._of(item, self.well.rows)
        return "" if same else "when the host is well again, it has other rows"

    def _of(self, item: str, rows: Rows) -> Rows:
        return Counter({row: count for row, count in rows.items() if item in row})


def _by(reason: str | None) -> str:
    if reason is None:
        return "another attempt"
    passes = "; well on the next run" if reason in PASSING_REASONS else ""
    return f"the ledger: {reason}{passes}"


def network(room: Room) -> None:
    """Serve the photos of a shop, and let the host be in trouble."""
    shop = Shop(room.folder / "shop")
    with running(shop.folder) as host:
        for number in range(PHOTOS):
            name = shop.draw(f"photo{number:02d}.png", 500 + number)
            shop.sell(f"photo{number:02d}", host.url(name), title="from afar")
        days = Days(room, host, shop.write())
        for number in range(1 if room.short else 5):
            days.some_in_trouble(number)
            room.tell(f"some photos in trouble, {number + 1}")
        days.all_in_trouble()
