"""The DAG `shopper_events`, run by Airflow: a day is counted, one without events is not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from feature_store.events.overview import read_overview
from feature_store.events.summary import Summaries
from feature_store.storage import open_files
from operators import reports
from operators.events import WhatShoppersDidLink
from operators.local.airflow import LocalAirflow
from operators.reports import report_address
from tests.feature_store.events.shoppers import DAY, crowd, drop
from tests.feature_store.events.test_steps import remember

LATER = "2026-03-02"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    remember(home, "b1", "b2")
    made = crowd(np.random.default_rng(1), DAY, {"b1": 0.2, "b2": 0.4}, answers=50)
    for part in range(3):
        drop(home / "events", DAY, str(part), made[part::2])
    return home


@pytest.fixture(scope="module")
def airflow(home: Path) -> LocalAirflow:
    """Airflow's database and nothing that runs: `dags test` runs a DAG in its own process."""
    made = LocalAirflow(home / "airflow", 9, {"NITAMONO_HOME": str(home)})
    (home / "airflow").mkdir()
    made.command("db", "migrate")
    return made


def states(airflow: LocalAirflow, home: Path, day: str) -> dict[str, str]:
    """Run the DAG for a day; return the state of each task."""
    conf = json.dumps({"day": day})
    airflow.command("dags", "test", "shopper_events", f"{day}T09:00:00+00:00", "--conf", conf)
    with closing(sqlite3.connect(home / "airflow" / "airflow.db")) as database:
        rows = database.execute(
            "SELECT task_id, task_instance.state FROM task_instance JOIN dag_run USING (run_id) "
            "WHERE logical_date LIKE ?",
            (f"{day}%",),
        )
        return dict(rows.fetchall())


def test_a_day_is_gathered_counted_and_drawn(airflow: LocalAirflow, home: Path) -> None:
    done = dict.fromkeys(("gather", "summarise", "report", "forget"), "success")
    assert states(airflow, home, DAY) == done
    [shown] = read_overview(Summaries(open_files(str(home / "shoppers"))), [DAY]).bundles[:1]
    assert shown.clicks.of == 50
    assert [path.name for path in (home / "events" / f"ds={DAY}").iterdir()] == ["day.parquet"]
    assert "Clicks by position" in (home / "shoppers" / "report.html").read_text()


def test_a_day_without_an_event_skips(airflow: LocalAirflow, home: Path) -> None:
    found = states(airflow, home, LATER)
    assert (found["gather"], found["summarise"]) == ("skipped", "skipped")
    assert not (home / "shoppers" / f"ds={LATER}.parquet").exists()


def test_the_report_is_one_click_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WhatShoppersDidLink.name == "What shoppers did"
    address = report_address("shoppers", "report.html", "/shop/shoppers/report.html")
    assert address.endswith("/nitamono/reports/shoppers/report.html")
    monkeypatch.setattr(reports, "PLUGIN", "not installed")
    path = "/shop/shoppers/report.html"
    assert report_address("shoppers", "report.html", path) == path
