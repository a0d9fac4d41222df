"""The DAG `shopper_events`, step by step; under a real scheduler it is in tests/end_to_end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators import reports
from operators.events import (
    ForgetEventsOperator,
    GatherEventsOperator,
    ReportEventsOperator,
    SummariseEventsOperator,
    WhatShoppersDidLink,
)
from operators.reports import report_address
from tests.feature_store.events.shoppers import DAY, crowd, drop
from tests.feature_store.events.test_steps import remember


class Task:
    """What an operator tells Airflow beside its return value."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context(day: str) -> dict[str, Any]:
    return {"params": {"day": day}, "ti": Task()}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    remember(tmp_path, "b1", "b2")
    made = crowd(np.random.default_rng(1), DAY, {"b1": 0.2, "b2": 0.4}, answers=50)
    for part in range(3):
        drop(tmp_path / "events", DAY, str(part), made[part::2])
    return tmp_path


def test_each_step_returns_a_small_summary(home: Path) -> None:
    given = context(DAY)
    days = GatherEventsOperator(task_id="gather").execute(given)
    assert days == [DAY]
    assert given["ti"].pushed["gathered"] == {"days": (DAY,), "files": 3, "unreadable": 0}
    [told] = SummariseEventsOperator(task_id="summarise", days=days).execute(given)
    assert told["events"] == told["counted"] > 400
    report = ReportEventsOperator(task_id="report").execute(given)
    assert report == str(home / "shoppers" / "report.html")
    assert "Clicks by position" in Path(report).read_text()
    assert ForgetEventsOperator(task_id="forget").execute(given) == []
    late = context("2027-01-01")
    assert ForgetEventsOperator(task_id="forget").execute(late) == [DAY]


@pytest.mark.usefixtures("home")
def test_a_day_without_an_event_skips() -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="no event has come"):
        GatherEventsOperator(task_id="gather").execute(context("2026-02-01"))


def test_the_report_is_one_click_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WhatShoppersDidLink.name == "What shoppers did"
    path = "/shop/shoppers/report.html"
    address = report_address("shoppers", "report.html", path)
    assert address.endswith("/nitamono/reports/shoppers/report.html")
    monkeypatch.setattr(reports, "PLUGIN", "not installed")
    assert report_address("shoppers", "report.html", path) == path
