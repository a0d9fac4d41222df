from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from feature_store.compare.judgements import Judgements, Tally
from feature_store.errors import BundleError
from feature_store.quality.intervals import wilson


def test_judgements_are_kept_and_tallied(tmp_path: Path) -> None:
    judgements = Judgements(tmp_path, "a", "b")
    assert judgements.tally() == Tally(0, 0, 0, 0)
    for verdict in ("after", "after", "before", "equal", "skip", "after"):
        judgements.add("x\n'\"🧦", verdict, left="before")
    assert judgements.tally() == Tally(before=1, after=3, equal=1, skip=1)
    assert judgements.path == tmp_path / "reports" / "judgements" / "a..b.jsonl"
    assert {entry["item_id"] for entry in judgements.read()} == {"x\n'\"🧦"}
    assert Judgements(tmp_path, "b", "a").tally() == Tally(0, 0, 0, 0)


def test_a_line_that_was_cut_short_costs_itself_alone(tmp_path: Path) -> None:
    judgements = Judgements(tmp_path, "a", "b")
    judgements.add("x", "after", left="after")
    with judgements.path.open("ab") as file:
        file.write(b'{"verdict": "bef')
    judgements.add("y", "before", left="after")
    assert [entry["item_id"] for entry in judgements.read()] == ["x", "y"]


@pytest.mark.parametrize("line", ["[]", "7", '{"verdict": "both"}', "\x00", '{"verdict": []}'])
def test_what_is_no_judgement_counts_for_nothing(tmp_path: Path, line: str) -> None:
    judgements = Judgements(tmp_path, "a", "b")
    judgements.add("x", "after", left="after")
    with judgements.path.open("a") as file:
        file.write(line + "\n")
    assert judgements.tally() == Tally(0, 1, 0, 0)


def test_a_judgement_is_on_the_disk_before_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judgements = Judgements(tmp_path, "a", "b")
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(judgements.path.read_bytes()))
    judgements.add("x", "after", left="after")
    assert synced
    assert b'"after"' in synced[-1]


def test_an_unknown_verdict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'left' is none of"):
        Judgements(tmp_path, "a", "b").add("x", "left", left="after")
    with pytest.raises(BundleError):
        Judgements(tmp_path, "../a", "b")


@pytest.mark.parametrize(
    ("wins", "trials", "low", "high"),
    # Newcombe (1998), table I, and what the formula gives for the edges.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (29, 29, 0.8830, 1)],
)
def test_the_interval_is_the_published_one(wins: int, trials: int, low: float, high: float) -> None:
    assert wilson(wins / trials, trials, 0.95) == pytest.approx((low, high), abs=6e-5)


def test_the_interval_is_where_the_score_test_turns() -> None:
    for bound in wilson(8 / 11, 11, 0.95):
        deviation = abs(8 / 11 - bound) / math.sqrt(bound * (1 - bound) / 11)
        assert deviation == pytest.approx(1.959964)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0, 0, "nothing is decided"),
        (5, 6, "not told apart"),
        (2, 30, "it is better"),
        (30, 2, "it is worse"),
    ],
)
def test_what_a_tally_says(before: int, after: int, said: str) -> None:
    tally = Tally(before, after, 3, 1)
    assert said in tally.sentence()
    assert tally.to_dict()["decided"] == before + after
