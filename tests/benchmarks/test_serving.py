"""The serving benchmark runs, at a small size; its bars are for its full one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.serving_load import Answered, Load
from tests.benchmarks.serving_report import bars
from tests.benchmarks.serving_strain import growth_of

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "benchmarks" / "bin" / "python"


def test_both_servers_are_measured_and_ours_is_strained(tmp_path: Path) -> None:
    sizes = ["--items", "1500", "--dim", "24", "--seconds", "1", "--rounds", "1"]
    strains = ["--swaps", "3", "--kills", "2", "--soak", "0.1", "--million", "1500"]
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.benchmarks.serving", *sizes, *strains],
        cwd=ROOT,
        env=os.environ | {"NITAMONO_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("}\n"), done.stderr  # so small, its bars say nothing
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["passed"] == (done.returncode == 0)
    for server in ("nitamono", "chromadb"):
        for kind in ("lookups", "vectors"):
            found = line[f"{server}_{kind}"]
            assert found["failed"] == 0
            assert found["per_second"] > 0
            assert found["recall"] > 0.9
            assert 0 < found["mean_ms"] < found["p99_ms"] * 3
    assert line["nitamono_vectors"]["recall"] >= line["chromadb_vectors"]["recall"] - 0.01
    assert line["inside"]["items"] > line["nitamono_lookups"]["per_processor_second"]
    assert min(line["two_workers_bytes"], line["one_worker_bytes"]) > 10e6
    assert line["swaps"]["failed"] == 0
    assert line["swaps"]["requests"] > 0
    assert line["kills"]["failed"] == 0
    assert line["kills"]["broken"] <= line["kills"]["held_by_killed"]
    assert line["soak"]["failed"] == 0
    assert line["million"]["largest_bytes"] > 10e6
    assert "answers/s" in done.stdout


def passing() -> dict[str, Any]:
    fast = {"per_second": 12_000, "per_processor_second": 30_000, "mean_ms": 0.7, "p99_ms": 3.0}
    slow = {"per_second": 900, "per_processor_second": 800, "mean_ms": 9.0, "p99_ms": 11.0}
    return {
        "nitamono_lookups": fast | {"failed": 0, "recall": 1.0},
        "chromadb_lookups": slow | {"failed": 0, "recall": 0.97},
        "nitamono_vectors": fast | {"failed": 0, "recall": 0.98},
        "chromadb_vectors": slow | {"failed": 0, "recall": 0.97},
        "inside": {"items": 50_000, "vectors": 8000},
        "one_worker_bytes": 200e6,
        "two_workers_bytes": 220e6,
        "installed_bytes": 350e6,
        "million": {"items": 1_000_000, "largest_bytes": 2.0e9, "all_bytes": 2.1e9},
        "swaps": {
            "swaps": 200,
            "failed": 0,
            "steady_p99_ms": 2.0,
            "p99_ms": 2.9,
            "p99_ratio": 1.45,
        },
        "kills": {"kills": 50, "failed": 0, "broken": 300, "held_by_killed": 400},
        "soak": {"minutes": 20, "growth": 0.01, "failed": 0},
    }


def missed(result: dict[str, Any]) -> list[str]:
    return [bar.name for bar in bars(result) if not bar.passed]


@pytest.mark.parametrize(
    ("part", "worse", "named"),
    [
        ("nitamono_lookups", {"per_second": 8900}, "look-ups/s"),
        ("nitamono_lookups", {"p99_ms": 9.5}, "p99 below"),
        ("nitamono_lookups", {"per_processor_second": 24_000}, "the searcher's"),
        ("nitamono_lookups", {"failed": 1}, "no failed request"),
        ("nitamono_vectors", {"per_second": 2600}, "vector queries/s"),
        ("nitamono_vectors", {"recall": 0.96}, "vector queries/s"),
        ("million", {"largest_bytes": 2.6e9}, "1,000,000 items"),
        ("million", {"all_bytes": 2.6e9}, "1,000,000 items"),
        ("swaps", {"failed": 1}, "swaps: failed"),
        ("swaps", {"p99_ratio": 1.6}, "swaps: p99"),
        ("kills", {"failed": 1}, "50 kills"),
        ("kills", {"broken": 401}, "50 kills"),
        ("soak", {"growth": 0.021}, "20 minutes"),
        ("soak", {"failed": 1}, "20 minutes"),
    ],
)
def test_what_falls_short_of_a_bar_fails(part: str, worse: dict[str, Any], named: str) -> None:
    good = passing()
    assert missed(good) == []
    [name] = missed(good | {part: good[part] | worse})
    assert named in name


@pytest.mark.parametrize(
    ("name", "value"), [("two_workers_bytes", 240e6), ("installed_bytes", 410e6)]
)
def test_what_is_too_large_fails(name: str, value: float) -> None:
    assert len(missed(passing() | {name: value})) == 1


def test_bars_of_what_was_not_measured_are_not_judged() -> None:
    short = {name: value for name, value in passing().items() if name not in STRAINS}
    assert len(list(bars(short))) == len(list(bars(passing()))) - 5


STRAINS = ("million", "swaps", "kills", "soak")


def test_growth_leaves_the_warming_up_out() -> None:
    warm = [50] * 10 + [100] * 80
    assert growth_of([*warm, *[100] * 10]) == 0
    assert growth_of([*warm, *[103] * 10]) == pytest.approx(0.03)
    assert growth_of([100, 110]) == pytest.approx(0.1)


def test_a_pause_makes_so_many_questions_a_second(tmp_path: Path) -> None:
    load = Load("http://127.0.0.1:1", tmp_path / "none", 32)
    assert load.pause_for(4000, 2.0) == pytest.approx(6.0)  # 32 connections, one each 8 ms
    assert load.pause_for(1e6, 2.0) == 0


def test_every_failure_counts() -> None:
    found = Answered(100, 1.0, 1, 1, 1, 1, refused=1, broken=2, wrong=4, late=8)
    assert found.failed == 15
    assert found.per_second == 100


def test_without_wrk_it_says_how_to_get_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.benchmarks.serving", "--items", "100"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "NITAMONO_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install wrk" in done.stderr
    assert list(tmp_path.iterdir()) == []
