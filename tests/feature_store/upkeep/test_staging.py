"""Half-made partitions go when nobody finishes them, and never under a run that goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from feature_store.ingest import ingest_partition, plan_partition
from feature_store.ingest.staging import planning
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from feature_store.tables import open_store
from feature_store.upkeep import upkeep_bundles, upkeep_leftovers, upkeep_store
from feature_store.upkeep.removal import Remover
from feature_store.upkeep.staging import remove_stale_staging
from tests.feature_store.ingest.shop import Shop, quick_models
from tests.feature_store.upkeep.ages import age, tree
from tests.feature_store.upkeep.ingesting import ROUNDS

DAY = "2026-03-01"
ROOT = Path(__file__).resolve().parents[3]


def remove(staging: Path, *, dry_run: bool = False) -> int:
    count, gone = remove_stale_staging(staging, Remover(time.time() - 7 * 86400, dry_run))
    assert bool(gone.files) == bool(count)
    return count


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    staging = tmp_path / "staging"
    for name in ("2026-02-01/plan/shard.parquet", "2026-02-02/plan/shard.parquet"):
        (staging / name).parent.mkdir(parents=True)
        (staging / name).write_bytes(b"12345")
    return staging


def test_a_day_that_nobody_touches_goes(staging: Path) -> None:
    assert remove(staging) == 0
    age(staging / "2026-02-01", 8)
    assert remove(staging, dry_run=True) == 1
    assert remove(staging) == 1
    assert tree(staging) == [".lock", "2026-02-02/plan/shard.parquet"]
    assert remove(staging) == 0
    assert remove(staging.parent / "none") == 0


def test_nothing_goes_while_a_day_is_planned(staging: Path) -> None:
    old = age(staging / "2026-02-01", 8)
    done = threading.Event()

    def clear() -> None:
        remove(staging)
        done.set()

    clearing = threading.Thread(target=clear)
    with planning(staging):
        clearing.start()
        assert not done.wait(0.3)
        os.utime(old)  # the plan is taken up again
    clearing.join(timeout=30)
    assert done.is_set()
    assert old.is_dir()


@pytest.fixture
def planned(tmp_path: Path) -> Settings:
    """A shop whose day was ingested and then planned again, a month ago."""
    shop = Shop(tmp_path / "shop")
    shop.stock(6)
    settings = shop.settings(tmp_path / "home")
    ingest_partition(DataInterval.day(DAY), settings, models=quick_models())
    plan_partition(DataInterval.day(DAY), settings)
    age(settings.home, 30)
    return settings


def test_a_day_that_was_cleared_away_can_be_run_again(planned: Settings) -> None:
    before = open_store(planned).snapshot().content_hash
    assert upkeep_leftovers(planned).staged_days == 1
    models = quick_models()
    ingest_partition(DataInterval.day(DAY), planned, models=models)
    assert open_store(planned).snapshot().content_hash == before
    assert (models.detector.seen, models.extractor.seen) == (0, 0)  # type: ignore[attr-defined]


def test_an_ingest_in_a_process_of_its_own_is_not_disturbed(planned: Settings) -> None:
    """It takes a month-old plan up again while upkeep clears up as fast as it can."""
    before = open_store(planned).commits()
    words = ["-m", "tests.feature_store.upkeep.ingesting", str(planned.home)]
    command = [sys.executable, *words, planned.catalogue_location]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as ingest:
        cleared = 0
        while ingest.poll() is None:
            upkeep_store(planned)
            upkeep_bundles(planned)
            cleared += upkeep_leftovers(planned).staged_days
        assert ingest.stdout is not None
        rounds = int(ingest.stdout.read())
    assert ingest.returncode == 0
    assert cleared >= ROUNDS // 2
    assert rounds == ROUNDS
    assert [c.content_hash for c in open_store(planned).commits()] == [
        c.content_hash for c in before
    ]
