"""Killed at any step, on a full disk, several at once: what is served is whole."""

from __future__ import annotations

import errno
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import Searcher, open_bundle
from feature_store.bundle.tier import tiers_folder
from feature_store.bundle.tiers import TierShelf
from feature_store.bundle.write import BundleWriter
from feature_store.fresh import refresh
from tests.feature_store.fresh.shops import Edits, Home, edit
from tests.feature_store.fresh.victim import arrivals
from tests.feature_store.nightly.fake_shop import FakeStore

ROOT = Path(__file__).resolve().parents[3]


def served(home: Home) -> str | None:
    """The tier that is served, opened and asked, as a reader does."""
    folder = home.settings.home / "bundles"
    bundle = open_bundle(folder / home.bundle_id)
    tier = TierShelf(folder).open(bundle)
    for name in ("item-00000", "item-00005"):
        assert len(Searcher(bundle, tier).similar(name).hits) == 12
    return tier.tier_id if tier else None


def test_killed_at_every_step_it_leaves_what_is_served_whole(home: Home) -> None:
    first = home.refresh(edit(home.shop, Edits(new=1), version=2)).tier_id
    seen: set[str | None] = set()
    for last in range(1, 60):
        command = [sys.executable, "-m", "tests.feature_store.fresh.victim"]
        done = subprocess.run(
            [*command, str(home.settings.home), str(last)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        seen.add(served(home))
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr
    else:
        pytest.fail("it has more steps than were tried")
    assert last > 8
    assert len(seen) == 2
    assert seen > {first}
    left = {
        path.name for path in tiers_folder(home.settings.home / "bundles", home.bundle_id).iterdir()
    }
    assert not {name for name in left if name.startswith((".building", ".scratch", ".removed"))}
    [again] = refresh(home.settings, store=FakeStore(arrivals()))  # type: ignore[arg-type]
    assert not again.written


def test_a_full_disk_leaves_what_is_served(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    first = home.refresh(edit(home.shop, Edits(new=1), version=2)).tier_id

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(BundleWriter, "array", full)
    with pytest.raises(OSError, match="No space left"):
        home.refresh(edit(home.shop, Edits(new=2), version=3))
    monkeypatch.undo()
    assert served(home) == first


def run(home: Home, version: int, begin: Any) -> None:
    begin.wait()
    home.refresh(edit(home.shop, Edits(new=version), version=version))


def test_several_at_once_end_with_one_of_them_whole(home: Home) -> None:
    context = multiprocessing.get_context("fork")
    begin = context.Barrier(3)
    processes = [context.Process(target=run, args=(home, v, begin)) for v in (2, 3, 4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    last = home.refresh(edit(home.shop, Edits(new=5), version=5)).tier_id
    assert served(home) == last
