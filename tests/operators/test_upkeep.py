"""The operators of the DAG `maintenance` do the steps, and return what Airflow can show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from feature_store.runs import read_runs
from feature_store.settings import Settings
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import make_batch
from tests.feature_store.upkeep.ages import age

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import json, operators.upkeep as o
steps = {"store": o.UpkeepStoreOperator, "bundles": o.UpkeepBundlesOperator,
         "leftovers": o.UpkeepLeftoversOperator}
said = {name: step(task_id=name).execute({"params": {"history_days": None}})
        for name, step in steps.items()}
said["again"] = o.UpkeepStoreOperator(task_id="again").execute({"params": {"history_days": 3}})
print(json.dumps(said))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    DeltaFeatureStore(home / "store").replace_partition("2026-03-01", make_batch("2026-03-01", "a"))
    unfinished = home / "staging" / "2026-02-01" / "plan" / "shard.parquet"
    unfinished.parent.mkdir(parents=True)
    unfinished.write_bytes(b"12345")
    age(home / "staging", Settings().upkeep.staging_days + 1)
    return home


def test_each_step_returns_a_small_summary(home: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "NITAMONO_HOME": str(home),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert sorted(said["store"]) == [
        "compacted_partitions", "forgotten_commits", "freed_bytes", "removed_files",
    ]  # fmt: skip
    assert said["bundles"] == {"removed": [], "freed_bytes": 0}
    assert (said["leftovers"]["staged_days"], said["leftovers"]["freed_bytes"]) == (1, 5)
    steps = [(run.detail["step"], run.outcome) for run in read_runs(home)]
    assert [step for step, _ in steps] == ["store", "bundles", "leftovers", "store"]
    assert steps[2] == ("leftovers", "done")
