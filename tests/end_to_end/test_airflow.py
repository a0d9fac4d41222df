"""The DAGs under a real scheduler: backfill, scheduled run, trigger form, rerun, failing gate."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.errors import NitamonoError
from feature_store.runs import read_runs
from operators.local.airflow import LocalAirflow
from tests.end_to_end.conftest import DAYS, NEXT_DAY, Shop, environment, nitamono, status


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
    unasked = {**environment(home, shop.catalogue), "NITAMONO_COMPARE_MAX_CHURN": "1"}
    started = LocalAirflow(home / "airflow", free_port(), unasked)
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
    assert set(states) > {"changed", "check", "compare", "approve", "publish"}
    assert set(states.values()) == {"skipped"}
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


def models(home: Path, *arguments: str) -> dict[str, Any]:
    """Run `nitamono models …`, and return what `nitamono models --json` says afterwards."""
    for command in (arguments, ("--json",)):
        done = nitamono(home, "unused", "models", *command)
        assert done.returncode == 0, done.stderr
    state: dict[str, Any] = json.loads(done.stdout)
    return state


def described(state: dict[str, Any], model: str) -> float:
    """The share of the live images that a model describes."""
    [share] = [row["share"] for row in state["extractors"] if row["model"] == model]
    return float(share)


def live_extractor(home: Path) -> str:
    return BundleRegistry(home / "bundles").open().manifest.extractor.partition("@")[0]


def test_an_upgrade_of_nothing_skips(airflow: LocalAirflow) -> None:
    airflow.unpause("model_upgrade")
    [run] = airflow.wait_for_runs("model_upgrade", 1, quiet)
    states = {task["state"] for task in airflow.tasks("model_upgrade", run["dag_run_id"])}
    assert states == {"skipped"}


def test_a_backfilled_upgrade_takes_up_its_own_day_and_does_not_switch_yet(
    airflow: LocalAirflow, home: Path
) -> None:
    before = status(home)
    conf = {"extractor": "efficientnet-lite0"}
    airflow.backfill("model_upgrade", DAYS[1], DAYS[1], conf)
    runs = airflow.wait_for_runs("model_upgrade", 2, quiet)
    [run] = [run for run in runs if run["run_type"] == "backfill"]
    states = {t["task_id"]: t["state"] for t in airflow.tasks("model_upgrade", run["dag_run_id"])}
    assert states == {
        "plan": "success",
        "extract": "success",
        "commit": "success",
        "switch": "skipped",
    }
    state = models(home)
    assert 0 < described(state, "efficientnet-lite0") < 1
    assert described(state, "efficientnet-lite2") == 1
    assert state["history"] == []
    [upgrade] = [run for run in read_runs(home) if run.kind == "upgrade"]
    assert (upgrade.ds, upgrade.outcome, upgrade.detected) == (DAYS[1], "committed", 0)
    assert status(home)["live_bundle"] == before["live_bundle"]


def test_the_next_upgrade_describes_the_rest_and_switches(
    airflow: LocalAirflow, home: Path
) -> None:
    airflow.trigger("model_upgrade", {"extractor": "efficientnet-lite0"})
    airflow.wait_for_runs("model_upgrade", 3, quiet)
    state = models(home)
    assert [(row["model"], row["role"], row["share"]) for row in state["extractors"]] == [
        ("efficientnet-lite0", "active", 1.0),
        ("efficientnet-lite2", "kept", 1.0),
    ]
    assert live_extractor(home) == "efficientnet-lite2"
    airflow.trigger("similarity_index")
    airflow.wait_for_runs("similarity_index", 3, quiet)
    assert live_extractor(home) == "efficientnet-lite0"


def test_one_command_undoes_the_switch_and_no_nightly_run_repeats_it(
    airflow: LocalAirflow, home: Path
) -> None:
    state = models(home, "undo")
    assert state["extractors"][0]["model"] == "efficientnet-lite2"
    airflow.trigger("similarity_index")
    airflow.wait_for_runs("similarity_index", 4, quiet)
    assert live_extractor(home) == "efficientnet-lite2"
    airflow.trigger("model_upgrade")
    airflow.wait_for_runs("model_upgrade", 4, quiet)
    assert models(home)["extractors"] == state["extractors"]
