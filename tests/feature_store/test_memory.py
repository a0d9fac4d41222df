"""What is free is read from the system, and a peak is a process's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from feature_store.memory import free_bytes, peak_bytes


def test_the_peak_counts_what_was_held_and_given_back() -> None:
    before = peak_bytes()
    held = np.ones(before // 4)  # twice as much
    assert held[-1] == 1
    del held
    assert peak_bytes() > 2 * before


def test_a_process_does_not_begin_with_the_peak_of_its_parent() -> None:
    np.ones(50_000_000)
    told = "import feature_store.memory as m; print(m.peak_bytes())"
    said = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True)
    assert int(said.stdout) < 200_000_000 < peak_bytes()


def machine(root: Path) -> Path:
    (root / "proc").mkdir()
    (root / "proc" / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    return root


def control_group(root: Path, folder: str, **files: str) -> Path:
    place = root / "sys" / "fs" / "cgroup" / folder
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text)
    return root


def test_what_is_free_is_the_machine_s_without_a_control_group(tmp_path: Path) -> None:
    assert free_bytes(machine(tmp_path)) == 8000 * 1024


def test_a_control_group_s_limit_counts_but_not_the_files_it_has_read(tmp_path: Path) -> None:
    root = control_group(
        machine(tmp_path),
        "",
        memory__max="5000000\n",
        memory__current="3000000\n",
        memory__stat="anon 1\ninactive_file 1000000\n",
    )
    assert free_bytes(root) == 3_000_000


def test_a_control_group_without_a_limit_does_not_count(tmp_path: Path) -> None:
    root = control_group(machine(tmp_path), "", memory__max="max\n", memory__current="3000000\n")
    assert free_bytes(root) == 8000 * 1024


def test_the_older_kind_of_control_group_counts_too(tmp_path: Path) -> None:
    root = control_group(
        machine(tmp_path),
        "memory",
        memory__limit_in_bytes="5000000",
        memory__usage_in_bytes="4000000",
        memory__stat="total_inactive_file 500000\ninactive_file 500000\n",
    )
    assert free_bytes(root) == 1_500_000


def test_a_system_that_does_not_tell_has_no_limit(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 1 << 60
