"""Ingests of one day, again and again, each over a plan that is a month old: <home> <catalogue>."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from feature_store.ingest import ingest_partition, plan_partition
from feature_store.ingest.settings import IngestSettings
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from tests.feature_store.ingest.shop import quick_models
from tests.feature_store.upkeep.ages import age

ROUNDS = 6


def main(home: str, catalogue: str) -> None:
    ingest = IngestSettings(items_per_shard=4, images_per_chunk=3)
    settings = Settings(home=Path(home), catalogue_location=catalogue, ingest=ingest)
    day = DataInterval.day("2026-03-01")
    for number in range(ROUNDS):
        staged = Path(plan_partition(day, settings).folder).parent
        age_if_there(staged)
        if number % 2:
            wait_until_gone(staged)
        else:
            time.sleep(0.01 * number)  # so that upkeep is at another place each time
        ingest_partition(day, settings, models=quick_models())
    sys.stdout.write(f"{ROUNDS}\n")


def age_if_there(day: Path) -> None:
    """Age a day's staging; upkeep may take it away meanwhile."""
    try:
        age(day, 30)
    except FileNotFoundError:
        return


def wait_until_gone(day: Path) -> None:
    """Wait until upkeep has taken a day away, a minute at most."""
    deadline = time.monotonic() + 60
    while day.exists():
        assert time.monotonic() < deadline, "upkeep leaves the day alone"
        time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
