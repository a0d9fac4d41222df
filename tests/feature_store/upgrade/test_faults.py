"""What goes wrong in the middle: kills, rivals, photos that change, vectors that are no good."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.errors import CommitConflictError, GateError, ImageError, StoreError
from feature_store.images.loader import ImageLoader, Loaded
from feature_store.ingest.requeue import read_requests
from feature_store.runs import read_runs
from feature_store.tables import open_store
from feature_store.tables.delta import DeltaFeatureStore
from feature_store.upgrade import (
    commit_upgrade,
    extract_chunk,
    plan_upgrade,
    run_upgrade,
    switch,
)
from tests.feature_store.upgrade.gallery import Gallery, same

ROOT = Path(__file__).parents[3]


def described(gallery: Gallery) -> str:
    """Plan all and describe every chunk; return the plan's folder."""
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    for chunk in plan.chunks:
        extract_chunk(chunk, gallery.settings)
    return plan.folder


def test_killed_again_and_again_it_ends_with_the_same_store(
    gallery: Gallery, tmp_path: Path
) -> None:
    gallery.three_days()
    undisturbed = Gallery(tmp_path / "other")
    undisturbed.three_days()
    run_upgrade(undisturbed.settings, undisturbed.models["fine"])
    moments = {  # each try finds what the one before left
        "before chunk-00001.parquet": 2,
        "before chunk-00000.vectors.parquet": 3,
        "before chunk-00000.json": 2,
        "before chunk-00001.vectors.parquet": 3,
        "after features": 3,
        "after ledger": 5,  # of the second day: the first is committed by then
    }
    for said, last in moments.items():
        command = ["-m", "tests.feature_store.upgrade.victim", str(tmp_path), str(last)]
        killed = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert killed.stdout.split("\n")[-2] == said
    run_upgrade(gallery.settings, gallery.models["fine"])
    for name in ("coarse", "fine"):
        assert same(gallery.features(name), undisturbed.features(name))
        assert len(gallery.features(name)) == 10


def test_a_finished_chunk_is_not_described_again(gallery: Gallery) -> None:
    gallery.three_days()
    plan = plan_upgrade(gallery.settings, gallery.models["fine"])
    first = extract_chunk(plan.chunks[0], gallery.settings)
    for photo in gallery.shop.folder.glob("*.png"):
        photo.unlink()  # would be missed
    assert extract_chunk(plan.chunks[0], gallery.settings) == first
    again = plan_upgrade(gallery.settings, gallery.models["fine"])
    assert again.chunks == plan.chunks
    assert extract_chunk(again.chunks[0], gallery.settings) == first


def test_a_photo_that_changed_or_vanished_is_left_out_and_its_item_looked_at_again(
    gallery: Gallery,
) -> None:
    gallery.three_days()
    gallery.photo("1.png", 77)  # the second photo of item 0, too
    (gallery.shop.folder / "2.png").unlink()  # the twin's, too
    done = run_upgrade(gallery.settings, gallery.models["fine"], then_switch=False)
    counts = [(run.images, run.failed, run.embedded) for run in done.runs]
    assert counts == [(3, 2, 2), (2, 2, 0)]  # the second try finds them no better
    assert {row["item_id"] for row in gallery.features("fine")} == {"item 0"}
    assert read_requests(gallery.settings.home).items == {"item 0", "item 1", "item 2", "twin"}
    with pytest.raises(StoreError, match=r"describes 1 of 5 images \(20 %\); 4 are missing"):
        switch(gallery.settings, gallery.models["fine"], by_hand=True)


def test_a_host_that_does_not_answer_is_asked_again_another_time(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.three_days()
    load = ImageLoader.load_many

    def slow(loader: ImageLoader, uris: Iterable[str]) -> Iterator[Loaded]:
        for loaded in load(loader, uris):
            late = loaded.uri.endswith("1.png")
            yield (
                replace(loaded, image=None, error=ImageError("timed_out", "60 s"))
                if late
                else loaded
            )

    monkeypatch.setattr(ImageLoader, "load_many", slow)
    done = run_upgrade(gallery.settings, gallery.models["fine"], then_switch=False)
    assert [run.failed for run in done.runs] == [1, 1]
    assert read_requests(gallery.settings.home).items == set()  # the items keep what they have
    monkeypatch.undo()
    assert run_upgrade(gallery.settings, gallery.models["fine"]).switched


@pytest.mark.parametrize("moment", ["partition", "replace_partition"])
def test_a_nightly_run_that_commits_in_between_wins_and_is_merged(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    gallery.three_days()
    folder = described(gallery)
    original, rivals = getattr(DeltaFeatureStore, moment), ["2026-03-01"]

    def with_rival(store: DeltaFeatureStore, ds: str, *rest: object, **named: object) -> object:
        rival = ds in rivals
        if rival:
            rivals.remove(ds)
        found = original(store, ds) if moment == "partition" else None
        if rival:  # after the day was read, or before it is replaced
            photos = {f"item {n}": [str(gallery.shop.folder / f"{n}.png")] for n in (1, 2, 3)}
            gallery.write(ds, photos)
        return found or original(store, ds, *rest, **named)

    monkeypatch.setattr(DeltaFeatureStore, moment, with_rival)
    commit_upgrade(folder, gallery.settings)
    assert rivals == []
    items = open_store(gallery.settings).partition("2026-03-01")[0].items["item_id"].to_pylist()
    assert items == ["item 1", "item 2", "item 3"]
    fine = {row["item_id"] for row in gallery.features("fine")}
    assert fine == {"item 0", "item 1", "item 2", "twin"}


def test_a_partition_that_is_never_left_alone_is_named(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.three_days()
    folder = described(gallery)

    def refuse(*_: object, **__: object) -> object:
        raise CommitConflictError("somebody else")

    monkeypatch.setattr(DeltaFeatureStore, "replace_partition", refuse)
    with pytest.raises(CommitConflictError, match="2026-03-01 was replaced by others 10 times"):
        commit_upgrade(folder, gallery.settings)
    monkeypatch.undo()
    assert commit_upgrade(folder, gallery.settings).days == 3


def spoil(folder: str, change: object) -> None:
    """Change the vectors of the plan's first chunk."""
    path = Path(folder) / "chunk-00000.vectors.parquet"
    table = pq.ParquetFile(path).read()
    vectors: Sequence[object] = change(np.array(table["vector"].to_pylist(), np.float32))  # type: ignore[operator]
    column = pa.array([list(vector) for vector in vectors], pa.list_(pa.float32()))  # type: ignore[call-overload]
    place = table.column_names.index("vector")
    pq.write_table(table.set_column(place, table.schema.field(place), column), path)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda v: np.where(np.arange(v.size).reshape(v.shape) == 5, np.nan, v), "vectors finite"),
        (lambda v: v * (np.arange(len(v)) > 0)[:, None], "vector norm"),
        (lambda v: v * 2, "vector norm"),
        (lambda v: v[:, :-1], "vector length"),
        (lambda v: np.repeat(v[:1], len(v), axis=0), "vectors distinct"),
    ],
    ids=["nan", "zero", "scaled", "short", "constant"],
)
def test_vectors_that_are_no_good_never_enter_the_store(
    gallery: Gallery, change: object, check: str
) -> None:
    gallery.three_days()
    folder = described(gallery)
    spoil(folder, change)
    log = open_store(gallery.settings).log()
    with pytest.raises(GateError, match=f"the upgrade gate failed(?s:.*){check}:"):
        commit_upgrade(folder, gallery.settings)
    assert open_store(gallery.settings).log() == log
    assert read_runs(gallery.settings.home)[-1].outcome == "refused"
    run_upgrade(gallery.settings, gallery.models["fine"])  # describes them anew
    assert len(gallery.features("fine")) == 10
