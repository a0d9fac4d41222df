"""The ingest operators, run one after the other as the DAG does."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from feature_store.errors import GateError
from feature_store.ingest.models import Models
from feature_store.tables import open_store
from operators.context import settings_for
from operators.ingest import (
    CheckPartitionOperator,
    CommitPartitionOperator,
    ExtractShardOperator,
    PlanPartitionOperator,
    ReplayLaterDaysOperator,
)
from tests.feature_store.ingest.shop import Shop, quick_models

STARTED = dt.datetime(2026, 3, 5, 1, tzinfo=dt.UTC)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    models = quick_models()
    monkeypatch.setattr(Models, "load", lambda *_: models)
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NITAMONO_CATALOGUE", str(tmp_path / "shop" / "{ds}.csv"))
    shop = Shop(tmp_path / "shop")
    shop.stock(3)
    return shop


class Run:
    """One run of the DAG; `pushed` is what went to XComs besides the returned values."""

    def __init__(self, day: str) -> None:
        self.pushed: dict[str, Any] = {}
        self.context = {
            "params": {"day": day},
            "dag_run": SimpleNamespace(start_date=STARTED),
            "ti": SimpleNamespace(xcom_push=self._push),
        }

    def _push(self, key: str, value: object) -> None:
        self.pushed[key] = value

    def ingest(self) -> dict[str, Any]:
        """Run all tasks but the replay; return what the commit says."""
        shards = PlanPartitionOperator(task_id="plan").execute(self.context)
        for number, shard in enumerate(shards):
            done = ExtractShardOperator(task_id=f"e{number}", shard=shard).execute(self.context)
            json.dumps(done)
        CheckPartitionOperator(task_id="check").execute(self.context)
        return CommitPartitionOperator(task_id="commit").execute(self.context)


def replay(run: Run) -> list[str]:
    return ReplayLaterDaysOperator(task_id="replay").execute(run.context)


def test_a_day_says_in_plain_values_what_it_did(shop: Shop) -> None:
    shop.write("2026-03-01.csv")
    run = Run("2026-03-01")
    said = run.ingest()
    json.dumps([said, run.pushed])
    assert run.pushed["plan"]["items"] == 3
    counts = {name: said["run"][name] for name in ("images", "reused", "detected", "embedded")}
    assert counts == {"images": 3, "reused": 0, "detected": 3, "embedded": 6}
    assert (said["changed"], said["items"], said["run"]["failed"]) == (True, 3, 0)
    ledger = open_store(settings_for(run.context)).snapshot().ledger()
    assert set(ledger["tried_at"].to_pylist()) == {STARTED}
    again = Run("2026-03-01").ingest()
    assert (again["changed"], again["version"], again["run"]["reused"]) == (
        False, said["version"], 3,
    )  # fmt: skip


def test_later_days_are_replayed_or_the_task_is_skipped(shop: Shop) -> None:
    for day in ("2026-03-01", "2026-03-02"):
        shop.write(f"{day}.csv")
    late = Run("2026-03-02")
    late.ingest()
    with pytest.raises(AirflowSkipException):
        replay(late)
    early = Run("2026-03-01")
    early.ingest()
    assert replay(early) == ["2026-03-02"]


def test_a_failed_gate_fails_its_task(shop: Shop) -> None:
    for path in shop.folder.glob("*.png"):
        path.write_bytes(b"")
    shop.write("2026-03-01.csv")
    with pytest.raises(GateError, match="images indexed"):
        Run("2026-03-01").ingest()
