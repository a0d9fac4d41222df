"""Days that come late or again: the store is the same in whatever order they were ingested."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.errors import CatalogueError
from feature_store.ingest import audit_snapshot, ingest_partition, replay_later_days
from feature_store.ingest.replay import FOLDER
from feature_store.quality import GateReport, QualitySettings
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from feature_store.tables import Commit, open_store
from tests.feature_store.ingest import days
from tests.feature_store.ingest.days import FIRST, name
from tests.feature_store.ingest.shop import Shop, quick_models

LENIENT = QualitySettings(max_deleted_share=1.0, max_invalid_row_share=1.0, min_indexed_share=0.0)


def of_days(shop: Shop, home: Path) -> Settings:
    """Settings that read a catalogue of its own for each day."""
    location = str(shop.folder / "{ds}.csv")
    return replace(shop.settings(home), catalogue_location=location, quality=LENIENT)


def ingest(settings: Settings, day: int) -> list[str]:
    """Ingest a day and replay what has to be; return the replayed days."""
    ingest_partition(DataInterval.day(name(day)), settings, models=quick_models(), now=FIRST)
    return [commit.ds for commit in replay_later_days(name(day), settings, quick_models())]


def contents(settings: Settings) -> tuple[str, list[tuple[object, ...]]]:
    store = open_store(settings)
    commits = [(c.ds, c.content_hash, c.base, c.items, c.deleted) for c in store.commits()]
    return store.snapshot().content_hash, commits


@pytest.fixture
def four_days(shop: Shop) -> Shop:
    """Items that come, change, vanish and come back."""
    photos = {item: shop.draw(f"{item}.png", number) for number, item in enumerate("abcd")}
    sold = {
        1: {"a": "one", "b": "one"},
        2: {"a": "two", "c": "one"},
        3: {"a": "two", "b": "two", "c": "one"},
        4: {"a": "two", "b": "two", "c": "one", "d": "one"},
    }
    for day, titles in sold.items():
        shop.rows = {}
        for item, title in titles.items():
            shop.sell(item, photos[item], title=title)
        shop.write(f"{name(day)}.csv")
    return shop


def test_a_late_day_replays_those_after_it_until_one_is_as_it_was(
    four_days: Shop, tmp_path: Path
) -> None:
    in_order, late = (of_days(four_days, tmp_path / which) for which in ("in order", "late"))
    for day in (1, 2, 3, 4):
        assert ingest(in_order, day) == []
    for day in (1, 3, 4):
        assert ingest(late, day) == []
    # Day 3 no longer changes a and c, and b is not only changed but back. Day 4 stays as it is.
    assert ingest(late, 2) == [name(3)]
    assert contents(late) == contents(in_order)


def test_days_without_a_catalogue_of_their_own_stay(four_days: Shop, home: Path) -> None:
    settings = of_days(four_days, home)
    for day in (1, 3):
        ingest(settings, day)
    before = open_store(settings).commits()
    one_file = replace(settings, catalogue_location=str(four_days.folder / f"{name(2)}.csv"))
    assert ingest(one_file, 2) == []
    assert [c for c in open_store(settings).commits() if c.ds != name(2)] == before


def test_a_replay_asks_nobody_and_computes_nothing(four_days: Shop, home: Path) -> None:
    settings = of_days(four_days, home)
    for day in (1, 3, 4):
        ingest(settings, day)
    for item in "abc":
        four_days.draw(f"{item}.png", 50)  # behind the store's back
    models = quick_models()
    ingest_partition(DataInterval.day(name(2)), settings, models=models, now=FIRST)
    seen = models.detector.seen  # type: ignore[attr-defined]
    assert seen
    replay_later_days(name(2), settings, models)
    assert models.detector.seen == seen  # type: ignore[attr-defined]


def test_a_photo_that_was_noticed_later_stays_noticed(four_days: Shop, home: Path) -> None:
    settings = of_days(four_days, home)
    for day in (1, 3):
        ingest(settings, day)
    four_days.draw("a.png", 50)
    days.Run(settings, 4)
    noticed = days.ledger(settings)["a"]["image_id"]
    ingest(settings, 2)
    assert replay_later_days(name(3), settings, quick_models()) == []
    assert days.ledger(settings)["a"]["image_id"] == noticed
    audit_snapshot(open_store(settings).snapshot()).raise_if_wrong()


class Stopped(BaseException):
    """Stands for a kill."""


def test_a_replay_that_was_killed_goes_on_where_it_was(
    four_days: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four_days.rows = {}
    for day in (1, 2, 3, 4):  # a row that is rejected later stays as it was: no day comes out alike
        four_days.sell("a", "a.png", title=f"{day}")
        four_days.sell("kept", "b.png", updated_at="soon" if day > 1 else "")
        four_days.write(f"{name(day)}.csv")
    in_order, killed = (of_days(four_days, tmp_path / which) for which in ("in order", "killed"))
    for day in (1, 2, 3, 4):
        ingest(in_order, day)
    for day in (2, 3, 4):
        ingest(killed, day)
    ingest_partition(DataInterval.day(name(1)), killed, models=quick_models(), now=FIRST)

    from feature_store.ingest import replay

    whole = replay.ingest_plan

    def stops_after_one(*given: object) -> object:
        whole(*given)  # type: ignore[arg-type]
        raise Stopped

    monkeypatch.setattr(replay, "ingest_plan", stops_after_one)
    with pytest.raises(Stopped):
        replay_later_days(name(1), killed, quick_models())
    monkeypatch.undo()
    assert list((killed.home / FOLDER).iterdir())
    ingest(killed, 1)
    assert contents(killed) == contents(in_order)
    assert not list((killed.home / FOLDER).iterdir())


def test_a_later_day_whose_catalogue_is_gone_is_named(four_days: Shop, home: Path) -> None:
    settings = of_days(four_days, home)
    for day in (1, 3):
        ingest(settings, day)
    (four_days.folder / f"{name(3)}.csv").unlink()
    with pytest.raises(CatalogueError, match=r"2026-03-03 has to be planned again.*no catalogue"):
        ingest(settings, 2)
    assert [commit.ds for commit in open_store(settings).commits()] == [name(1), name(2), name(3)]


ITEM = st.tuples(
    st.sampled_from(["one", "two"]),
    st.sampled_from(["0.png", "1.png", "2.png|0.png", "lost.png"]),
    st.sampled_from(["", "2026-03-01T12:00Z", "2026-03-02T12:00Z", "2026-03-03T12:00Z", "soon"]),
)
CATALOGUE = st.dictionaries(st.sampled_from("abcde"), ITEM, max_size=5)
LAST = 3


@pytest.fixture(scope="module")
def photos() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder))
        for number in range(3):
            shop.draw(f"{number}.png", number)
        yield Path(folder)


def passed(*batch: object, **given: object) -> GateReport:
    """Let everything pass."""
    return GateReport("batch", ())


@settings(max_examples=8, deadline=None)
@given(
    history=st.lists(CATALOGUE, min_size=LAST, max_size=LAST),
    order=st.permutations(range(1, LAST + 1)),
    again=st.lists(st.integers(1, LAST), max_size=2),
)
def test_any_order_of_days_makes_the_same_store(
    photos: Path,
    history: Sequence[dict[str, tuple[str, str, str]]],
    order: Sequence[int],
    again: Sequence[int],
) -> None:
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        # The gate takes most of the time of so small a day, and has tests of its own.
        patch.setattr("feature_store.ingest.commit.check_batch", passed)
        shop = Shop(Path(scratch) / "shop")
        shutil.copytree(photos, shop.folder, dirs_exist_ok=True)
        for day, catalogue in enumerate(history, start=1):
            shop.rows = {}
            for item, (title, images, updated_at) in catalogue.items():
                shop.sell(item, *images.split("|"), title=title, updated_at=updated_at)
            shop.write(f"{name(day)}.csv")
        in_order, other = (of_days(shop, Path(scratch) / which) for which in ("in order", "other"))
        for day in range(1, LAST + 1):
            assert ingest(in_order, day) == []
        for day in (*order, *again):
            ingest(other, day)
        assert contents(other) == contents(in_order)
        audit_snapshot(open_store(other).snapshot()).raise_if_wrong()


def test_a_base_is_what_the_days_after_depend_on(four_days: Shop, home: Path) -> None:
    settings = of_days(four_days, home)
    ingest(settings, 1)
    ingest(settings, 2)
    found: list[Commit] = open_store(settings).commits()
    assert len({commit.base for commit in found}) == 2
    ingest(settings, 2)
    assert open_store(settings).commits() == found
