"""A bundle that would change much waits in Airflow for a person, who sees what changes and why."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_store.runs import read_runs
from operators.local.airflow import LocalAirflow
from operators.local.processes import Child
from tests.end_to_end.conftest import DAYS, Shop, environment, ingest, nitamono, status
from tests.end_to_end.test_airflow import free_port, quiet

DAG = "similarity_index"
PATIENCE_SECONDS = 300


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shop: Shop) -> Path:
    """A shop with a live bundle, and a day that came after it."""
    home = tmp_path_factory.mktemp("approval")
    ingest(home, shop.catalogue, DAYS[0])
    done = nitamono(home, shop.catalogue, "index")
    assert done.returncode == 0, done.stderr
    ingest(home, shop.catalogue, DAYS[1])
    return home


@pytest.fixture(scope="module")
def airflow(home: Path, shop: Shop) -> Iterator[LocalAirflow]:
    strict = {**environment(home, shop.catalogue), "NITAMONO_COMPARE_MAX_CHURN": "0"}
    started = LocalAirflow(home / "airflow", free_port(), strict)
    try:
        started.start()
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="module")
def web(airflow: LocalAirflow) -> Iterator[httpx.Client]:
    """What a person's browser is to Airflow: logged in."""
    with httpx.Client(base_url=airflow.url, timeout=30, trust_env=False) as client:
        token = client.get("/auth/token").raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.cookies.clear()
        yield client


def eventually(look: Callable[[], Any]) -> Any:
    """Return the first true answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(1)
    return found


def waiting_run(airflow: LocalAirflow, web: httpx.Client, home: Path) -> str:
    """Wait until a run of the DAG waits for a person; return its id."""

    def look() -> str | None:
        runs = web.get(f"/api/v2/dags/{DAG}/dagRuns").raise_for_status().json()["dag_runs"]
        for run in runs:
            states = {t["task_id"]: t["state"] for t in airflow.tasks(DAG, run["dag_run_id"])}
            assert "failed" not in states.values(), airflow.explain(DAG, run["dag_run_id"])
            if states.get("approve") == "awaiting_input":
                return str(run["dag_run_id"])
        return None

    run_id = str(eventually(look))
    # Airflow takes an answer that comes before the scheduler knows of the waiting for a mishap, and
    # asks again. No person is that quick.
    parked = rf"Received executor event.*task_id='approve', run_id='{re.escape(run_id)}'"
    log = home / "airflow" / "logs" / "scheduler.log"
    eventually(lambda: re.search(parked, log.read_text(errors="replace")))
    return run_id


def answer(airflow: LocalAirflow, web: httpx.Client, run_id: str, option: str) -> dict[str, str]:
    """Answer as Airflow's own page does; return the tasks' states once the run has ended."""
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}"
    body = {"chosen_options": [option], "params_input": {}}
    web.patch(f"{path}/taskInstances/approve/-1/hitlDetails", json=body).raise_for_status()
    state = eventually(
        lambda: next(
            (s for s in [web.get(path).json()["state"]] if s not in ("running", "queued")), None
        )
    )
    assert state == "success"
    return {task["task_id"]: task["state"] for task in airflow.tasks(DAG, run_id)}


def test_much_change_waits_and_the_report_is_one_click_away(
    airflow: LocalAirflow, web: httpx.Client, home: Path
) -> None:
    before = status(home)["live_bundle"]
    airflow.unpause(DAG)
    run_id = waiting_run(airflow, web, home)
    assert status(home)["live_bundle"] == before
    path = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances"
    asked = web.get(f"{path}/approve/-1/hitlDetails").raise_for_status().json()
    assert "of the look-alikes of" in asked["subject"]
    assert asked["options"] == ["Approve", "Reject"]
    link = web.get(f"{path}/compare/links").raise_for_status().json()["extra_links"]["What changed"]
    assert link.startswith(airflow.url)
    assert link in asked["body"]
    report = web.get(link).raise_for_status()
    assert "of the look-alikes would change" in report.text
    assert "sandbox" in report.headers["Content-Security-Policy"]


@pytest.fixture
def guarded(airflow: LocalAirflow, tmp_path: Path) -> Iterator[str]:
    """A second API server over the same Airflow, which nobody uses without a password."""
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"eve": "apple"}))
    port = free_port()
    core = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER"
    told = {
        f"{core}_ALL_ADMINS": "False",
        f"{core}_USERS": "eve:viewer",
        f"{core}_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "airflow", "api-server"]
    log = tmp_path / "api-server.log"
    server = Child("airflow api-server", command, {**airflow.environment, **told}, log)
    try:
        eventually(lambda: server.require_alive() or _answers(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/version", trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_only_who_is_logged_in_sees_a_report(
    airflow: LocalAirflow, guarded: str, home: Path
) -> None:
    [report] = (home / "reports").glob("*/compare.html")
    link = f"{guarded}/nitamono/reports/{report.parent.name}/compare.html"
    bare = httpx.get(link, trust_env=False)
    assert bare.status_code == 401
    assert "look-alikes" not in bare.text
    browser = httpx.get(link, headers={"Accept": "text/html"}, trust_env=False)
    assert browser.status_code == 307
    assert "/auth/login?next=" in browser.headers["Location"]
    forged = httpx.get(link, headers={"Authorization": "Bearer x.y.z"}, trust_env=False)
    assert forged.status_code == 403
    known = {"username": "eve", "password": "apple"}
    answer = httpx.post(f"{guarded}/auth/token", json=known, trust_env=False).raise_for_status()
    token = answer.json()["access_token"]
    for way in ({"Authorization": f"Bearer {token}"}, {"Cookie": f"_token={token}"}):
        seen = httpx.get(link, headers=way, trust_env=False)
        assert seen.status_code == 200
        assert "of the look-alikes would change" in seen.text


def test_nothing_but_reports_is_served(web: httpx.Client) -> None:
    for other in ("..%2f..%2fruns.jsonl", "%2e%2e/runs.jsonl", "x/compare.html", "x"):
        assert web.get(f"/nitamono/reports/{other}").status_code == 404


def test_a_rejected_bundle_is_not_published_and_an_approved_one_is(
    airflow: LocalAirflow, web: httpx.Client, home: Path
) -> None:
    before = status(home)["live_bundle"]
    states = answer(airflow, web, waiting_run(airflow, web, home), "Reject")
    assert (states["approve"], states["publish"]) == ("success", "skipped")
    assert status(home)["live_bundle"] == before
    assert read_runs(home)[-1].outcome == "not approved"
    [log] = (home / "airflow" / "logs").rglob("task_id=approve/*.log")
    assert f"{before} stays live" in log.read_text()

    airflow.trigger(DAG)
    states = answer(airflow, web, waiting_run(airflow, web, home), "Approve")
    assert set(states.values()) == {"success"}
    assert status(home)["live_bundle"] != before


def test_what_changes_nothing_asks_nobody(airflow: LocalAirflow, web: httpx.Client) -> None:
    run_id = airflow.trigger(DAG, {"rebuild": True})
    airflow.wait_for_runs(DAG, 3, quiet)
    states = {task["task_id"]: task["state"] for task in airflow.tasks(DAG, run_id)}
    assert set(states.values()) == {"success"}
