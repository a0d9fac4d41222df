"""Unfinished files go when their writer must be dead; nothing that is finished does."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest

from feature_store.upkeep.leftovers import remove_leftovers
from feature_store.upkeep.removal import Remover
from tests.feature_store.upkeep.ages import age, tree

UNFINISHED = (
    ".models-a1.part",
    "staging/2026-03-01/plan/.tmp1.part",
    "staging/.removed-2026-02-01.7.part/plan/shard.parquet",
    "thumbnails/ab/.tmp2.part",
    "store/spool-x",
    "bundles/.CURRENT.123",
    "bundles/_fresh/20260101T000000000-abcdef/.CURRENT.123",
)
FINISHED = (
    "models.json",
    "runs.jsonl",
    ".runs.lock",
    "staging/2026-03-01/PLAN.json",
    "thumbnails/ab/abc.jpg",
    "store/items/_delta_log/0.json",
    "bundles/CURRENT",
    "bundles/_fresh/20260101T000000000-abcdef/CURRENT",
    "bundles/a/manifest.json",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*UNFINISHED, *FINISHED):
        (tmp_path / "home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / name).write_bytes(b"12345")
    graph = tmp_path / "tmp" / "nitamono-graph-1"
    graph.mkdir(parents=True)
    (graph / "grp").write_bytes(b"12345")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "home"


def remover() -> Remover:
    return Remover(time.time() - 86400)


def test_what_is_fresh_may_still_be_written(home: Path) -> None:
    assert remove_leftovers(home, remover()).files == 0
    assert tree(home) == sorted((*UNFINISHED, *FINISHED))


def test_what_is_old_and_unfinished_goes(home: Path) -> None:
    age(home.parent, 2)
    assert remove_leftovers(home, Remover(time.time() - 86400, dry_run=True)).files == 8
    assert len(tree(home)) == 16
    gone = remove_leftovers(home, remover())
    assert (gone.files, gone.freed_bytes) == (8, 40)
    assert tree(home) == sorted(FINISHED)
    assert list((home.parent / "tmp").iterdir()) == []
    assert remove_leftovers(home, remover()).files == 0


def test_a_home_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "none", remover()).files == 0
