"""What somebody has touched stays; what goes is counted, and goes whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from feature_store.upkeep.removal import Removal, Remover, measure
from tests.feature_store.upkeep.ages import age, tree


@pytest.fixture
def remover() -> Remover:
    return Remover(time.time() - 7 * 86400)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    plan = tmp_path / "2026-03-01" / "plan"
    plan.mkdir(parents=True)
    (plan / "a").write_bytes(b"123")
    (plan / "b").write_bytes(b"4567")
    return plan.parent


def test_a_stale_folder_goes_whole(day: Path, remover: Remover) -> None:
    assert remover.remove(day) == Removal()
    age(day, 8)
    assert measure(day) == Removal(2, 7)
    assert remover.remove(day) == Removal(2, 7)
    assert list(day.parent.iterdir()) == []
    assert remover.remove(day) == Removal()


def test_one_fresh_file_keeps_its_folder(day: Path, remover: Remover) -> None:
    age(day, 8)
    os.utime(day / "plan" / "b")
    assert remover.remove(day) == Removal()
    assert tree(day) == ["plan/a", "plan/b"]


def test_a_dry_run_only_counts(day: Path, remover: Remover) -> None:
    age(day, 8)
    assert Remover(remover.before, dry_run=True).remove(day) == Removal(2, 7)
    assert tree(day) == ["plan/a", "plan/b"]


def test_what_is_touched_while_it_goes_stays(
    day: Path, remover: Remover, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(day, 8)
    rename = Path.rename

    def touch_first(path: Path, target: Path) -> Path:
        if path == day:
            os.utime(path / "plan" / "a")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", touch_first)
    assert remover.remove(day) == Removal()
    assert tree(day.parent) == ["2026-03-01/plan/a", "2026-03-01/plan/b"]


def test_a_link_goes_and_not_what_it_names(day: Path, remover: Remover) -> None:
    link = day.parent / "link"
    link.symlink_to(day)
    os.utime(link, (1, 1), follow_symlinks=False)
    assert remover.remove(link).files == 1
    assert not link.is_symlink()
    assert tree(day) == ["plan/a", "plan/b"]
