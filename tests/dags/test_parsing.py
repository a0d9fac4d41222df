"""Each DAG file parses quickly, imports nothing heavy, and documents itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))

PROBE = """
import json, runpy, sys, time
import airflow.sdk
from airflow.sdk import DAG, Asset, BaseOperator, CronDataIntervalTimetable, Param
DAG("warm-up", schedule=Asset("a") | Asset("b"))  # Airflow's own lazy imports are not the file's
before = time.process_time()
names = runpy.run_path(sys.argv[1])
spent = time.process_time() - before
dag = names["dag"]
print(json.dumps({
    "cpu_seconds": spent,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "dag_id": dag.dag_id,
    "doc": dag.doc_md,
    "params": {
        name: [param.schema.get("title"), param.description]
        for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
    },
    "tasks": {task.task_id: getattr(task, "pool", None) for task in dag.tasks},
    "timetable": type(dag.timetable).__name__,
}))
"""


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def parsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict:
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(request.param)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {"path": request.param, **json.loads(done.stdout.splitlines()[-1])}


def test_these_are_the_dags() -> None:
    assert [path.stem for path in FILES] == [
        "catalogue_features",
        "fresh_items",
        "maintenance",
        "model_upgrade",
        "shopper_events",
        "similarity_index",
    ]


def test_a_file_is_named_for_its_dag(parsed: dict) -> None:
    assert parsed["dag_id"] == parsed["path"].stem


def test_parsing_takes_under_a_second_of_processor_time(parsed: dict) -> None:
    assert parsed["cpu_seconds"] < 1


def test_parsing_imports_nothing_heavy(parsed: dict) -> None:
    heavy = {"torch", "ultralytics", "great_expectations", "deltalake", "ngtpy", "cv2", "pandas"}
    assert heavy.isdisjoint(parsed["modules"])


def test_the_dag_explains_itself(parsed: dict) -> None:
    assert parsed["doc"].strip().startswith("###")
    for name, (title, description) in parsed["params"].items():
        assert title, f"{name} needs a title in the trigger form"
        assert description, f"{name} needs help in the trigger form"


def test_runs_have_a_data_interval_or_follow_what_was_committed(parsed: dict) -> None:
    follows = parsed["path"].stem == "fresh_items"
    wanted = "AssetTriggeredTimetable" if follows else "CronDataIntervalTimetable"
    assert parsed["timetable"] == wanted


def test_extraction_is_bounded_by_the_gpu_pool(parsed: dict) -> None:
    if "extract" in parsed["tasks"]:
        assert parsed["tasks"]["extract"] == "gpu"


def test_a_dag_file_is_a_table_of_contents(parsed: dict) -> None:
    assert len(parsed["path"].read_text().splitlines()) <= 80
