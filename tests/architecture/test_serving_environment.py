"""The serving environment stays small and free of everything that only the pipeline needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SERVING = Path(__file__).resolve().parents[2] / ".venv" / "serving"
LARGEST_BYTES = 400 * 1000 * 1000


def serving_python(code: str) -> subprocess.CompletedProcess[str]:
    command = [str(SERVING / "bin" / "python"), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "name",
    ["torch", "torchvision", "ultralytics", "airflow", "pandas", "great_expectations", "deltalake"],
)
def test_the_pipeline_is_not_installed(name: str) -> None:
    tried = serving_python(f"import {name}")
    assert f"No module named '{name}'" in tried.stderr


def test_the_service_needs_nothing_more() -> None:
    done = serving_python("import serving.supervisor, serving.app, ngtpy, prometheus_client")
    assert done.returncode == 0, done.stderr


def test_it_is_small() -> None:
    files = (path for path in SERVING.rglob("*") if path.is_file() and not path.is_symlink())
    # Compiled bytecode comes and goes; what is installed stays.
    size = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    assert size <= LARGEST_BYTES, f"{size / 1e6:.0f} MB"
