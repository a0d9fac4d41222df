"""The DAGs under a real scheduler: backfill, scheduled run, trigger form, rerun, failing gate."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_store.errors import NitamonoError
from operators.local.airflow import LocalAirflow
from tests.end_to_end.conftest import DAYS, NEXT_DAY, Shop, environment, status


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home with a space")


@pytest.fixture(scope="module")
def airflow(home: Path, shop: Shop) -> Iterator[LocalAirflow]:
    started = LocalAirflow(home / "airflow", free_port(), environment(home, shop.catalogue))
    try:
        started.start()
        yield started
    finally:
        started.stop()


def quiet(_message: str) -> None:
    """Progress is for people."""


def test_a_backfill_writes_every_day(airflow: LocalAirflow, home: Path) -> None:
    airflow.backfill("catalogue_features", DAYS[0], DAYS[-1])
    airflow.unpause("catalogue_features")
    airflow.wait_for_runs("catalogue_features", len(DAYS), quiet)
    state = status(home)
    assert state["partitions"] == list(DAYS)
    assert state["coverage"] == 1.0


def test_the_nightly_run_publishes_a_bundle(airflow: LocalAirflow, home: Path) -> None:
    airflow.unpause("similarity_index")
    runs = airflow.wait_for_runs("similarity_index", 1, quiet)
    assert {run["run_type"] for run in runs} == {"scheduled"}
    assert status(home)["live_bundle"]


def test_a_second_night_without_changes_skips(airflow: LocalAirflow, home: Path) -> None:
    before = status(home)["live_bundle"]
    run_id = airflow.trigger("similarity_index")
    airflow.wait_for_runs("similarity_index", 2, quiet)
    states = {task["task_id"]: task["state"] for task in airflow.tasks("similarity_index", run_id)}
    assert states == dict.fromkeys(("changed", "build", "check", "publish"), "skipped")
    assert status(home)["live_bundle"] == before


def test_a_day_can_be_run_again_from_the_trigger_form(airflow: LocalAirflow, home: Path) -> None:
    before = status(home)
    airflow.trigger("catalogue_features", {"day": DAYS[0]})
    airflow.wait_for_runs("catalogue_features", len(DAYS) + 1, quiet)
    assert status(home) == before


def test_a_failing_gate_fails_the_task_and_changes_nothing(
    airflow: LocalAirflow, home: Path, shop: Shop, tmp_path: Path
) -> None:
    lines = Path(shop.catalogue.format(ds=DAYS[-1])).read_text().splitlines(keepends=True)
    (shop.folder / "catalogue" / "third.csv").write_text("".join(lines[: len(lines) // 3]))
    before = status(home)
    conf = {"day": NEXT_DAY, "catalogue": str(shop.folder / "catalogue" / "third.csv")}
    airflow.trigger("catalogue_features", conf)
    with pytest.raises(NitamonoError, match=r"(?s)task check .*gate failed"):
        airflow.wait_for_runs("catalogue_features", len(DAYS) + 2, quiet)
    assert status(home) == before
