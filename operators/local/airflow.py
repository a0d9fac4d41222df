"""A real Airflow on this machine: scheduler, DAG processor and API server over SQLite."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from feature_store.errors import NitamonoError
from operators.local.processes import Child

DAGS = Path(__file__).resolve().parents[2] / "dags"

Progress = Callable[[str], None]

BACKFILL_ATTEMPTS = 5


class LocalAirflow:
    """Airflow's three processes, with everything they keep under `home`.

    Its metadata is made anew at each start: what lasts is in the feature store and the bundles, and
    running a partition again changes nothing there.
    """

    def __init__(self, home: Path, port: int, environment: Mapping[str, str]) -> None:
        self._home = home.resolve()
        self._database = self._home / "airflow.db"
        self.url = f"http://127.0.0.1:{port}"
        """Where a browser finds it."""
        self.environment = {**os.environ, **environment, **self._settings(port)}
        """What its processes are told."""
        self._children: list[Child] = []
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def _settings(self, port: int) -> dict[str, str]:
        search = os.pathsep.join(
            [str(DAGS.parent), *filter(None, [os.environ.get("PYTHONPATH", "")])]
        )
        return {
            "AIRFLOW_HOME": str(self._home),
            "PYTHONPATH": search,
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self._database}?timeout=60",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "no_proxy": "127.0.0.1,localhost",
        }

    def command(self, *arguments: str) -> str:
        """Run `airflow …` here and return what it printed; NitamonoError when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NitamonoError(f"airflow {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def start(self, patience_seconds: float = 180) -> None:
        """Start from an empty database and wait until the DAGs are known."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(parents=True)
        self.command("db", "migrate")
        # A writer waits for its turn, and readers do not stand in its way.
        with closing(sqlite3.connect(self._database)) as database:
            database.execute("PRAGMA journal_mode=WAL")
        self.command("pools", "set", "gpu", "1", "Shards in the models at one time")
        for name in ("api-server", "scheduler", "dag-processor"):
            command = [sys.executable, "-m", "airflow", name]
            log = self._home / "logs" / f"{name}.log"
            self._children.append(Child(f"airflow {name}", command, self.environment, log))
        wanted = {path.stem for path in DAGS.glob("*.py")}
        deadline = time.monotonic() + patience_seconds
        while not wanted <= self._known_dags():
            self._require_alive()
            if time.monotonic() > deadline:
                raise NitamonoError(f"Airflow did not come up; its logs are in {self._home}/logs")
            time.sleep(1)

    def stop(self) -> None:
        """Stop all three processes."""
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        self._client.close()

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start the runs of a DAG."""
        self._call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def backfill(
        self, dag_id: str, first_day: str, last_day: str, conf: Mapping[str, Any] | None = None
    ) -> None:
        """Ask for one run for each day, oldest first, one at a time."""
        days = ["--from-date", first_day, "--to-date", last_day]
        arguments = ["--dag-id", dag_id, *days, "--dag-run-conf", json.dumps(dict(conf or {}))]
        for left in reversed(range(BACKFILL_ATTEMPTS)):
            try:
                self.command("backfill", "create", *arguments, "--max-active-runs", "1")
            except NitamonoError as error:
                # SQLite lets no reader become a writer once another has written. Airflow has
                # taken back by then what it had created of the backfill.
                if not left or "database is locked" not in str(error):
                    raise
                time.sleep(1.5)
            else:
                return

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a manual run; returns its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        run: dict[str, str] = self._call("POST", f"/dags/{dag_id}/dagRuns", json=body)
        return run["dag_run_id"]

    def wait_for_runs(self, dag_id: str, count: int, tell: Progress) -> list[dict[str, Any]]:
        """Wait until at least `count` runs of a DAG exist and all have ended well; returns them.

        Raises NitamonoError naming the first failed task and the end of its log.
        """
        told = ""
        while True:
            self._require_alive()
            runs: list[dict[str, Any]] = self._call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]
            for run in runs:
                if run["state"] == "failed":
                    raise NitamonoError(self.explain(dag_id, run["dag_run_id"]))
            told = self._tell(dag_id, runs, tell, told)
            if len(runs) >= count and all(run["state"] == "success" for run in runs):
                return runs
            time.sleep(1.5)

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, as the REST API gives them."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        instances: list[dict[str, Any]] = self._call("GET", path)["task_instances"]
        return instances

    def _tell(self, dag_id: str, runs: list[dict[str, Any]], tell: Progress, told: str) -> str:
        running = [run for run in runs if run["state"] == "running"]
        if not running:
            return told
        run_id = running[0]["dag_run_id"]
        tasks = self.tasks(dag_id, run_id)
        done = sum(task["state"] in ("success", "skipped") for task in tasks)
        now = next((task["task_id"] for task in tasks if task["state"] == "running"), "…")
        day = (running[0].get("data_interval_start") or "")[:10]
        if any(task["state"] == "awaiting_input" for task in tasks):
            now = f"waiting for your answer at {self.url}/required_actions"
        message = f"{dag_id} {day}: {done} of {len(tasks)} tasks done, {now}"
        if message != told:
            tell(message)
        return message

    def explain(self, dag_id: str, run_id: str) -> str:
        """Return which task of a run failed, and the end of its log."""
        failed = [task for task in self.tasks(dag_id, run_id) if task["state"] == "failed"]
        name = failed[0]["task_id"] if failed else "?"
        folder = self._home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={name}"
        logs = sorted(folder.rglob("*.log"), key=lambda path: path.stat().st_mtime)
        why = _errors_in(logs[-1]) if logs else "it left no log"
        return f"task {name} of {dag_id} failed in run {run_id}:\n{why}\n(logs: {folder})"

    def _known_dags(self) -> set[str]:
        try:
            return {dag["dag_id"] for dag in self._call("GET", "/dags")["dags"]}
        except httpx.TransportError:
            return set()

    def _call(self, method: str, path: str, **kwargs: Any) -> Any:
        if "Authorization" not in self._client.headers:
            token = self._client.get("/auth/token").raise_for_status().json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
        answer = self._client.request(method, f"/api/v2{path}", **kwargs)
        if answer.is_error:
            raise NitamonoError(f"Airflow answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def _require_alive(self) -> None:
        for child in self._children:
            child.require_alive()


def _errors_in(log: Path) -> str:
    """Return what a task's log of JSON lines says went wrong, else its last lines."""
    lines = log.read_text(errors="replace").splitlines()
    told = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        errors = entry.get("error_detail") or []
        told += [f"{error['exc_type']}: {error['exc_value']}" for error in errors]
    return "\n".join(told) or "\n".join(lines[-5:])
