"""The store benchmark runs, at a small size; its bars are for its full one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_measures_what_its_bars_are_about(tmp_path: Path) -> None:
    sizes = ["--rows", "400", "--days", "5", "--dim", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.store", *sizes, "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    line = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == (0 if line["passed"] else 1)
    assert {"stream_peak_bytes", "replace_seconds", "status_seconds"} < line.keys()
    assert all(figure > 0 for name, figure in line.items() if name not in ("benchmark", "passed"))
