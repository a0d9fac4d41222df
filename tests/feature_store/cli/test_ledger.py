"""`nitamono ledger`, and what `ingest` and `status` say of what could not be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.errors import GateError
from feature_store.ingest import ingest_partition
from feature_store.ingest.models import Models
from feature_store.ingest.requeue import read_requests
from feature_store.schemas import DataInterval
from feature_store.settings import Settings
from tests.feature_store.ingest.shop import Shop, quick_models

DAY, NEXT = "2026-03-01", "2026-03-02"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "home"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop")
    shop.stock(6)
    shop.sell("torn [/bold]", "torn.png")
    (shop.folder / "torn.png").write_bytes(b"")
    shop.sell("late", shop.draw("late.png", 9), updated_at="soon")
    return shop


def ingest(shop: Shop, home: Path, day: str = DAY) -> Settings:
    settings = shop.settings(home)
    ingest_partition(DataInterval.day(day), settings, models=quick_models())
    return settings


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_every_failure_is_listed_with_its_reason(shop: Shop, home: Path) -> None:
    ingest(shop, home)
    for result in (call("ledger"), call("ledger", "--day", DAY)):
        assert result.exit_code == 0, result.output
        assert "could not be used: 1 of 7 images, 1 catalogue row" in result.output
        assert "torn [/bold]" in result.output
        assert "the file is empty (0 bytes)" in result.output
        assert "row 9: updated_at: 'soon' is not an ISO 8601 date" in result.output


def test_all_of_it_is_json_for_programs(shop: Shop, home: Path) -> None:
    ingest(shop, home)
    rows = [json.loads(line) for line in call("ledger", "--json").output.splitlines()]
    assert [(row["item_id"], row["reason"]) for row in rows] == [
        ("torn [/bold]", "not_an_image"),
        ("late", "row_invalid"),
    ]


def test_status_counts_rejected_rows_of_items_that_never_lived(shop: Shop, home: Path) -> None:
    ingest(shop, home)
    state = json.loads(call("status", "--json").output)
    assert (state["images"], state["images_indexed"]) == (7, 6)
    assert state["failed_by_reason"] == {"not_an_image": 1}
    assert state["rows_rejected"] == 1


def test_a_day_that_its_gate_refused_can_be_looked_at(shop: Shop, home: Path) -> None:
    for number in range(6):
        (shop.folder / f"{number}.png").write_bytes(b"not a photo")
    with pytest.raises(GateError, match="nitamono ledger"):
        ingest(shop, home)
    refused = call("ledger", "--day", DAY)
    assert "7 of 7 images, 1 catalogue row" in refused.output
    nothing = call("ledger")
    assert nothing.exit_code == 1
    assert "is empty; ingest a catalogue first" in nothing.output


def test_mended_rows_and_photos_leave_the_ledger(shop: Shop, home: Path) -> None:
    ingest(shop, home)
    shop.sell("torn [/bold]", shop.draw("torn.png", 10), title="mended")
    shop.sell("late", shop.draw("late.png", 9), title="mended")
    ingest(shop, home, NEXT)
    assert "0 of 8 images, 0 catalogue rows" in call("ledger").output
    assert "1 of 7 images, 1 catalogue row" in call("ledger", "--day", DAY).output


def test_a_day_never_run_is_an_error(home: Path) -> None:
    unknown = call("ledger", "--day", "2020-01-01")
    assert unknown.exit_code == 1
    assert "2020-01-01 has not been planned" in unknown.output
    assert call("ledger", "--day", "../..").exit_code != 0


def test_images_left_alone_are_listed_until_they_are_requeued(shop: Shop, home: Path) -> None:
    shop.sell("lost", "lost.png")
    ingest(shop, home)
    dead = call("ledger", "--dead")
    assert "until the file changes, or 'nitamono requeue': 1 image\n" in dead.output
    assert "torn [/bold]" in dead.output
    assert "lost.png" not in dead.output  # it is tried again by itself
    (row,) = [json.loads(line) for line in call("ledger", "--dead", "--json").output.splitlines()]
    assert (row["item_id"], row["attempts"], row["tried_at"][:2]) == ("torn [/bold]", 1, "20")


@pytest.mark.parametrize(
    ("words", "items"),
    [
        (["torn [/bold]", "item 00"], {"torn [/bold]", "item 00"}),
        (["--reason", "missing"], {"lost"}),
        (["item 01", "--reason", "not_an_image"], {"item 01", "torn [/bold]"}),
        (["--all"], {"lost", "torn [/bold]"}),
        (["--reason", "too_large"], set()),
    ],
)
def test_items_are_requeued_by_name_or_by_reason(
    shop: Shop, home: Path, words: list[str], items: set[str]
) -> None:
    shop.sell("lost", "lost.png")
    ingest(shop, home)
    result = call("requeue", *words)
    assert result.exit_code == 0, result.output
    number = {0: "no item has an image", 1: "1 item will be", 2: "2 items will be"}
    assert result.output.startswith(number[len(items)])
    assert read_requests(home).items == items


def test_what_cannot_be_requeued_is_an_error(shop: Shop, home: Path) -> None:
    assert "is empty; ingest a catalogue first" in call("requeue", "--all").output
    ingest(shop, home)
    assert "name items, or give --reason or --all" in call("requeue").output
    unknown = call("requeue", "item 00", "late")  # its row was rejected: it never lived
    assert (unknown.exit_code, "late is no live item" in unknown.output) == (1, True)
    assert call("requeue", "--reason", "bored").exit_code == 2
    assert not read_requests(home).items


def test_ingest_replays_the_days_after_a_late_one(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = quick_models()
    monkeypatch.setattr(Models, "load", lambda *_: models)
    for day in (DAY, NEXT):
        shop.write(f"{day}.csv")
    location = str(shop.folder / "{ds}.csv")
    call("ingest", "--day", NEXT, "--catalogue", location)
    late = call("ingest", "--day", DAY, "--catalogue", location)
    assert late.exit_code == 0, late.output
    assert f"{NEXT}: planned anew, 0 items, 0 deleted" in late.output


def test_ingest_says_how_much_could_not_be_used(
    shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = quick_models()
    monkeypatch.setattr(Models, "load", lambda *_: models)
    catalogue = shop.write()
    result = call("ingest", "--day", DAY, "--catalogue", str(catalogue))
    assert result.exit_code == 0, result.output
    assert "7 items, 7 images" in result.output
    said = f"1 of 7 images, 1 catalogue row; 'nitamono ledger --day {DAY}' says why"
    assert said in result.output.splitlines()[-1]
