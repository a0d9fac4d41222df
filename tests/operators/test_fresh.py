"""The operator of the DAG `fresh_items` says what it did, or why it did nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feature_store.nightly import build_and_publish
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import make_batch
from tests.feature_store.fresh.shops import UNCENTRED
from tests.feature_store.nightly.fake_shop import FakeSettings

ROOT = Path(__file__).resolve().parents[2]
DAY, NEXT = "2026-03-01", "2026-03-02"
RUN = """
import json
from operators.fresh import RefreshTierOperator
try:
    said = RefreshTierOperator(task_id="refresh").execute({"params": {}})
except Exception as error:
    said = [type(error).__name__, str(error)]
print(json.dumps(said))
"""


def run(home: Path, tmp_path: Path, **more: str) -> Any:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "PYTHONPATH": str(ROOT),
        "NITAMONO_HOME": str(home),
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A store of two days; the bundle is of the first."""
    home = tmp_path / "home"
    store = DeltaFeatureStore(home / "store")
    store.replace_partition(DAY, make_batch(DAY, [f"item {n:02d}" for n in range(20)]))
    build_and_publish(FakeSettings(home, index=UNCENTRED))
    store.replace_partition(NEXT, make_batch(NEXT, ["new", "newer"], deleted=["item 03"]))
    return home


def test_it_says_what_became_of_each_bundles_tier(home: Path, tmp_path: Path) -> None:
    [said] = run(home, tmp_path)
    assert (said["items"], said["gone"], said["written"]) == (2, 1, True)
    [again] = run(home, tmp_path)
    assert (again["tier_id"], again["written"]) == (said["tier_id"], False)


def test_without_a_bundle_it_skips(tmp_path: Path) -> None:
    kind, why = run(tmp_path / "home", tmp_path)
    assert kind == "AirflowSkipException"
    assert "nothing has been published" in why


def test_what_is_too_much_is_not_tried_again(home: Path, tmp_path: Path) -> None:
    kind, why = run(home, tmp_path, NITAMONO_FRESH_MAX_REGIONS="1")
    assert kind == "AirflowFailException"
    assert "a new bundle is due" in why
