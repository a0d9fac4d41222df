"""The demo catalogue as files: complete, repeatable, consistent, safe to interrupt."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feature_store.demo import render
from feature_store.demo.catalogue import COLUMNS
from feature_store.demo.render import DemoSettings, DemoSummary, render_demo
from feature_store.errors import SettingsError

LAST = dt.date(2026, 11, 20)
SMALL = DemoSettings(items=84, seed=5, image_px=64, workers=1)

Rows = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoSummary]:
    out = tmp_path_factory.mktemp("demo")
    return out, render_demo(out, LAST, SMALL)


def rows_of(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["item_id"]: row for row in csv.DictReader(file)}


def truths(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]


def test_three_dumps_end_at_the_last_day(demo: tuple[Path, DemoSummary]) -> None:
    _, summary = demo
    assert [path.name for path in summary.catalogues] == [
        "2026-11-18.csv", "2026-11-19.csv", "2026-11-20.csv",
    ]  # fmt: skip
    assert summary.categories >= 12


def test_the_columns_and_values_are_as_promised(demo: tuple[Path, DemoSummary]) -> None:
    _, summary = demo
    for path in summary.catalogues:
        rows = rows_of(path)
        assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
        for row in rows.values():
            assert row["title"]
            assert row["category"]
            assert row["brand"]
            assert float(row["price"]) > 0
            assert row["currency"] == "EUR"
            assert row["in_stock"] in {"true", "false"}
            assert row["url"] == f"https://demo.example/p/{row['item_id']}"


def test_every_listed_photo_is_there_and_has_its_truth(demo: tuple[Path, DemoSummary]) -> None:
    out, summary = demo
    known = {str(truth["image"]) for truth in truths(out)}
    assert len(known) == summary.photos
    for path in summary.catalogues:
        for row in rows_of(path).values():
            for image in row["image"].split("|"):
                found = (path.parent / image).resolve()
                assert found.relative_to(out.resolve()).as_posix() in known
                with Image.open(found) as photo:
                    assert photo.size == (64, 64)


def test_truth_boxes_are_inside_and_the_sold_item_comes_first(
    demo: tuple[Path, DemoSummary],
) -> None:
    out, summary = demo
    items = rows_of(summary.catalogues[0]) | rows_of(summary.catalogues[-1])
    scenes = 0
    for truth in truths(out):
        products = truth["products"]
        assert isinstance(products, list)
        assert str(truth["image"]).split("/")[-1].startswith(products[0]["item_id"])
        scenes += len(products) > 1
        for product in products:
            x0, y0, x1, y1 = product["box"]
            assert 0 <= x0 < x1 <= 1
            assert 0 <= y0 < y1 <= 1
            row = items.get(product["item_id"])
            if row is not None:
                assert row["category"] == product["category"]
                assert row["colour"] == product["colour"]
    assert scenes == summary.scenes > 0


def test_days_agree_with_each_other(demo: tuple[Path, DemoSummary]) -> None:
    _, summary = demo
    dumps = [rows_of(path) for path in summary.catalogues]
    dates = [path.stem for path in summary.catalogues]
    deleted = changed = added = 0
    for before, after, date in zip(dumps[:-1], dumps[1:], dates[1:], strict=True):
        deleted += len(before.keys() - after.keys())
        for item_id, row in after.items():
            old = before.get(item_id)
            added += old is None
            if old is None or old != row:
                assert row["updated_at"].startswith(date)
            if old is not None and old != row:
                changed += 1
                assert row["updated_at"] > old["updated_at"]
            assert row["updated_at"][:10] <= date
    assert deleted > 0
    assert changed > 0
    assert added > 0
    assert all(row["updated_at"].startswith(dates[0]) for row in dumps[0].values())
    gone = dumps[0].keys() - dumps[1].keys()
    assert not gone & dumps[2].keys()
    assert summary.live_items == len(dumps[-1])


def test_a_finished_demo_is_not_rendered_again(
    demo: tuple[Path, DemoSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, summary = demo

    def never(*_: object) -> None:
        raise AssertionError("rendered again")

    monkeypatch.setattr(render, "_render_chunk", never)
    assert render_demo(out, LAST, SMALL) == summary


def test_a_killed_render_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    settings = DemoSettings(items=40, seed=5, image_px=64, workers=1)
    calls: list[tuple[int, int]] = []

    def stop_early(done: int, total: int) -> None:
        calls.append((done, total))
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_demo(tmp_path / "killed", LAST, settings, stop_early)
    assert not (tmp_path / "killed" / "demo.json").exists()
    seen: list[tuple[int, int]] = []
    render_demo(tmp_path / "killed", LAST, settings, lambda *count: seen.append(count))
    assert seen[0][0] == calls[-1][0]
    assert seen[-1][0] == seen[-1][1]
    render_demo(tmp_path / "at once", LAST, settings)
    assert contents(tmp_path / "killed") == contents(tmp_path / "at once")
    assert not list((tmp_path / "killed").rglob("*.part"))


def contents(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def test_another_seed_replaces_the_demo(tmp_path: Path) -> None:
    settings = DemoSettings(items=21, seed=1, image_px=64, workers=1, days=1)
    render_demo(tmp_path, LAST, settings)
    first = contents(tmp_path)
    render_demo(tmp_path, LAST, DemoSettings(items=5, seed=2, image_px=64, workers=1, days=1))
    images = [name for name in contents(tmp_path) if name.endswith(".jpg")]
    assert len(images) == len(truths(tmp_path)) < sum(name.endswith(".jpg") for name in first)


def test_a_folder_that_is_not_a_demo_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.txt").write_text("keep")
    render_demo(tmp_path, LAST, DemoSettings(items=2, image_px=64, workers=1, days=1))
    assert (tmp_path / "images" / "mine.txt").read_text() == "keep"


def test_two_workers_render_what_one_does(tmp_path: Path) -> None:
    one = DemoSettings(items=49, seed=3, image_px=64, workers=1, days=1)
    two = DemoSettings(items=49, seed=3, image_px=64, workers=2, days=1)
    render_demo(tmp_path / "one", LAST, one)
    render_demo(tmp_path / "two", LAST, two)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    shutil.rmtree(tmp_path / "two")


def test_photos_of_one_category_differ(demo: tuple[Path, DemoSummary]) -> None:
    out, _ = demo
    pictures = [np.asarray(Image.open(p), int) for p in sorted((out / "images" / "mugs").glob("*"))]
    assert len(pictures) >= 3
    for k, picture in enumerate(pictures[1:]):
        assert np.abs(picture - pictures[k]).mean() > 5


@pytest.mark.parametrize(
    "bad", [{"items": 0}, {"days": 0}, {"workers": 0}, {"image_px": 16}], ids=str
)
def test_impossible_settings_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="demo settings"):
        DemoSettings(**bad)
