"""What the benchmark of the fresh tier makes of its rounds; the rounds are run end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.benchmarks.fresh import Catalogue, Round, summary


def test_the_medians_are_held_against_the_bar() -> None:
    rounds = [Round(5.0, 10.0, 20.0), Round(6.0, 11.0, 59.0), Round(7.0, 400.0, 60.0)]
    figures = summary(rounds)
    assert (figures["median_found_seconds"], figures["worst_found_seconds"]) == (11.0, 400.0)
    assert figures["passed"]
    late = [Round(1.0, 1.0, seconds) for seconds in (61.0, 62.0, 63.0)]
    assert not summary([*rounds, *late])["passed"]


@pytest.mark.parametrize("changes", [1, 3])
def test_each_change_is_one_arrival_and_one_deletion(tmp_path: Path, changes: int) -> None:
    rows = [{"item_id": str(number), "image": "x", "other": "y"} for number in range(10)]
    catalogue = Catalogue(tmp_path / "now.csv", ["item_id", "image"], rows[3:], rows[:3])
    seen = [catalogue.change() for _ in range(changes)]
    assert seen == [("2", "3"), ("1", "4"), ("0", "5")][:changes]
    with (tmp_path / "now.csv").open(newline="") as file:
        left = [row["item_id"] for row in csv.DictReader(file)]
    assert left == [*"3456789"[changes:], *(new for new, _ in seen)]
