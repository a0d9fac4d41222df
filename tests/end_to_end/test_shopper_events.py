"""From a shopper's page to the report: a real service takes events, a real Airflow counts them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from operators.local.airflow import LocalAirflow
from tests.end_to_end.conftest import environment, nitamono
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN, build_shop

DAG = "shopper_events"
PAGES = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def look_and_click(client: httpx.Client) -> None:
    """Open a product's page: see the first three look-alikes, follow the second; bring a robot."""
    answer = client.get(f"/v1/items/{PLAIN}/similar").raise_for_status().json()
    told = [
        {
            "type": kind,
            "query_id": answer["query_id"],
            "item_id": PLAIN,
            "position": position,
            "hit_item_id": answer["hits"][position - 1]["item_id"],
            "bundle": answer["bundle"],
        }
        for kind, positions in (("view", (1, 2, 3)), ("click", (2,)))
        for position in positions
    ]
    robot = {**told[-1], "position": 9}
    body = json.dumps({"events": [*told, robot]})
    for _ in range(2):  # a beacon that is sent again
        sent = client.post("/v1/events", content=body, headers={"Content-Type": "text/plain"})
        assert sent.status_code == 202, sent.text


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    build_shop(home)
    with (
        ServiceProcess(home, "--workers", "2") as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=30) as client,
    ):
        for _ in range(PAGES):
            look_and_click(client)
    return home


@pytest.fixture(scope="module")
def airflow(home: Path) -> Iterator[LocalAirflow]:
    started = LocalAirflow(home / "airflow", free_port(), environment(home, ""))
    try:
        started.start()
        started.unpause(DAG)
        yield started
    finally:
        started.stop()


def run(airflow: LocalAirflow, day: str, runs: int) -> dict[str, str]:
    """Trigger the DAG for a day and wait for all its runs; return the tasks' states, and its id."""
    run_id = airflow.trigger(DAG, {"day": day})
    airflow.wait_for_runs(DAG, runs, lambda _: None)
    states = {task["task_id"]: task["state"] for task in airflow.tasks(DAG, run_id)}
    return {**states, "run_id": run_id}


def counted(home: Path) -> dict[str, Any]:
    done = nitamono(home, "", "events", "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_what_shoppers_did_is_counted_and_one_click_away(airflow: LocalAirflow, home: Path) -> None:
    days = sorted(path.name.removeprefix("ds=") for path in (home / "events").glob("ds=*"))
    # Unpausing started the run of the last whole day, on which nobody came.
    states = run(airflow, days[-1], 2)
    run_id = states.pop("run_id")
    assert states == dict.fromkeys(("gather", "summarise", "report", "forget"), "success")
    said = counted(home)
    [shown] = said["bundles"]
    assert (shown["bundle"], shown["answers"]) == ("shop-1", PAGES)
    assert shown["clicked"]["count"] == PAGES
    places = [(p["position"], p["clicked"]["count"], p["clicked"]["of"]) for p in said["positions"]]
    assert places == [(1, 0, PAGES), (2, PAGES, PAGES), (3, 0, PAGES)]
    assert said["aside"]["unseen"] == PAGES
    with httpx.Client(base_url=airflow.url, trust_env=False, timeout=30) as web:
        token = web.get("/auth/token").raise_for_status().json()["access_token"]
        web.headers["Authorization"] = f"Bearer {token}"
        path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/report/links"
        links = web.get(path).raise_for_status().json()["extra_links"]
        page = web.get(links["What shoppers did"]).raise_for_status()
    assert links["What shoppers did"].startswith(airflow.url)
    assert "Clicks by position" in page.text
    assert "sandbox" in page.headers["Content-Security-Policy"]


def test_the_same_day_again_gives_the_same(airflow: LocalAirflow, home: Path) -> None:
    before = counted(home)
    assert run(airflow, before["days"][-1], 3)["summarise"] == "success"
    assert counted(home) == before


def test_a_day_on_which_nobody_came_skips(airflow: LocalAirflow) -> None:
    states = run(airflow, "2026-01-01", 4)
    assert (states["gather"], states["summarise"]) == ("skipped", "skipped")
