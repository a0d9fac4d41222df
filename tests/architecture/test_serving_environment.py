"""The serving environment stays small and free of everything that only the pipeline needs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVING = ROOT / ".venv" / "serving"
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


def test_photos_need_nothing_that_look_ups_must_load() -> None:
    """Without the extra `photo` the service starts, and knows what it does not have."""
    code = """
import sys
sys.modules["PIL"] = sys.modules["onnxruntime"] = None
import serving.app, serving.supervisor
from serving.photo_pool import NEEDED
import importlib.util
print([name for name in NEEDED if importlib.util.find_spec(name) is None])
"""
    done = serving_python(code)
    assert done.stdout.strip() == "['onnxruntime', 'PIL']", done.stderr
    loaded = serving_python(
        "import sys, serving.app, serving.supervisor;"
        "print([name for name in ('PIL', 'onnxruntime') if name in sys.modules])"
    )
    assert loaded.stdout.strip() == "[]", loaded.stderr


def test_the_extra_for_photos_needs_no_torch_either() -> None:
    done = serving_python(
        "import sys, feature_store.photo.reader, onnxruntime;"
        "print([name for name in ('torch', 'ultralytics', 'cv2') if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_it_is_small() -> None:
    """Without what the extra `photo` adds."""
    size = _bytes(path for path in SERVING.rglob("*") if path.is_file()) - _photo_bytes()
    assert size <= LARGEST_BYTES, f"{size / 1e6:.0f} MB"


def test_the_extra_for_photos_is_small() -> None:
    assert 30e6 < _photo_bytes() <= 120e6


def _photo_bytes() -> int:
    """The size of what `photo.lock` adds to `serving.lock`."""
    names = _locked("photo.lock") - _locked("serving.lock")
    assert {"onnxruntime", "pillow"} <= names
    done = serving_python(
        "from importlib.metadata import distribution\n"
        f"for name in {sorted(names)}:\n"
        "    for file in distribution(name).files: print(file.locate())"
    )
    assert done.returncode == 0, done.stderr
    return _bytes(Path(line) for line in done.stdout.splitlines() if Path(line).is_file())


def _locked(name: str) -> set[str]:
    return {line.partition("==")[0] for line in (ROOT / name).read_text().splitlines()}


def _bytes(files: Iterable[Path]) -> int:
    # Compiled bytecode comes and goes; what is installed stays.
    kept = (path for path in files if path.suffix != ".pyc" and not path.is_symlink())
    return sum(path.stat().st_size for path in kept)
