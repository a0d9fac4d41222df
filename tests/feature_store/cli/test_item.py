"""`nitamono item`: what the store said about an item, then and now."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from feature_store.cli import main
from feature_store.schemas import LEDGER
from feature_store.tables import PartitionBatch
from feature_store.tables.delta import DeltaFeatureStore
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch, replaced

DAYS = ("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")
HOSTILE = "[red]o'brien\x1b[2J\"; DROP TABLE\n👜" + "é" * 900


def noon(day: int) -> dt.datetime:
    return dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)


def store(home: Path, day: int) -> DeltaFeatureStore:
    return DeltaFeatureStore(home / "store", clock=lambda: noon(day))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`bag` is new on day 1, changes on day 2, leaves on day 3, and is back on day 5."""
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    first = make_batch(DAYS[0], ["bag", HOSTILE], images=2)
    ledger = first.ledger
    for column, value in (
        ("status", "failed"), ("reason", "timed_out"), ("detail", "10 s [bold]"), ("regions", 0),
        ("image_id", None), ("attempts", 3), ("tried_at", noon(1)),
    ):  # fmt: skip
        ledger = replaced(ledger, column, 1, value)
    keep = pa.array([number not in (2, 3) for number in range(first.features.num_rows)])
    features = first.features.filter(keep)
    second = features.slice(0, 2).to_pylist()
    other = [{**row, "extractor": "shapes@0123456789ab"} for row in second]
    features = pa.concat_tables([features, pa.Table.from_pylist(other, schema=features.schema)])
    first = PartitionBatch(first.items, ledger.cast(LEDGER), features)
    rejected = [
        {"ds": DAYS[3], "item_id": "hat", "image_index": -1, "image_uri": "", "status": "failed",
         "reason": "row_invalid", "detail": "row 7: price", "regions": 0}
    ]  # fmt: skip
    fourth = make_batch(DAYS[3], ["shoe"])
    table = pa.concat_tables([fourth.ledger, pa.Table.from_pylist(rejected, schema=LEDGER)])
    store(tmp_path, 2).replace_partition(DAYS[0], first)
    store(tmp_path, 3).replace_partition(DAYS[1], make_batch(DAYS[1], ["bag"], seed=1))
    store(tmp_path, 4).replace_partition(DAYS[2], make_batch(DAYS[2], [], deleted=["bag"]))
    store(tmp_path, 5).replace_partition(DAYS[3], replace(fourth, ledger=table))
    return tmp_path


def call(*words: str) -> Result:
    result = CliRunner().invoke(main, ["item", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def read(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(*words, "--json").output)
    return found


@pytest.mark.usefixtures("home")
def test_a_day_says_what_it_knew() -> None:
    first = read("bag", "--day", DAYS[0])
    assert (first["live"], first["partition"], first["row"]["title"]) == (True, DAYS[0], "title 0")
    assert first["committed_at"] == noon(2).isoformat()
    assert [image["status"] for image in first["images"]] == ["indexed", "failed"]
    whole, product = first["images"][0]["regions"]
    assert (whole["kind"], whole["box"]) == ("whole", [0, 0, 1, 1])
    assert product["box"] == [0.1, 0.2, 0.5, 0.75]
    assert (product["detector"], product["confidence"]) == (DETECTOR, 0.5)
    assert product["extractors"] == [EXTRACTOR, "shapes@0123456789ab"]
    assert first["images"][0]["image_id"] == image_id("bag", 0, 0)
    failed = first["images"][1]
    assert (failed["reason"], failed["attempts"], failed["regions"]) == ("timed_out", 3, [])
    assert failed["tried_at"] == noon(1).isoformat()
    second = read("bag", "--day", DAYS[1])
    assert (second["partition"], second["row"]["title"]) == (DAYS[1], "title 1")
    assert second["images"][0]["image_id"] == image_id("bag", 0, 1)


def test_a_deleted_item_says_when_it_left(home: Path) -> None:
    for words in (("bag",), ("bag", "--day", DAYS[2])):
        gone = read(*words)
        assert (gone["live"], gone["deleted_on"], gone["partition"]) == (False, DAYS[2], DAYS[2])
        assert call(*words).exit_code == 1
    assert f"the catalogue of {DAYS[2]} had it no more" in call("bag").output
    store(home, 6).replace_partition(DAYS[4], make_batch(DAYS[4], ["bag"], seed=5))
    assert read("bag")["partition"] == DAYS[4]
    assert read("bag", "--day", DAYS[3])["deleted_on"] == DAYS[2]
    store(home, 7).replace_partition("2026-03-06", make_batch("2026-03-06", [], deleted=["bag"]))
    assert read("bag")["deleted_on"] == "2026-03-06"


@pytest.mark.usefixtures("home")
def test_the_store_is_asked_as_of_a_version_and_a_time() -> None:
    now = read("shoe")
    versions = [read("bag", "--day", day)["version"] for day in DAYS[:2]]
    assert read("bag", "--as-of", str(versions[0]))["row"]["title"] == "title 0"
    assert read("bag", "--as-of", str(versions[1]))["row"]["title"] == "title 1"
    assert read("bag", "--as-of", "2026-03-02T18:00:00+00:00")["row"]["title"] == "title 0"
    assert read("bag", "--as-of", "2026-03-03T13:00:00+01:00")["row"]["title"] == "title 1"
    both = read("bag", "--as-of", "2026-03-03T12:00:00+00:00", "--day", DAYS[0])
    assert (both["row"]["title"], both["snapshot_version"]) == ("title 0", versions[0])
    early = read("shoe", "--as-of", "2026-03-04T18:00:00+00:00")
    assert (now["live"], early["live"], early["deleted_on"]) == (True, False, None)


def test_a_replaced_day_is_read_as_it_was_before(home: Path) -> None:
    before = read("bag", "--day", DAYS[0])["version"]
    store(home, 8).replace_partition(DAYS[0], make_batch(DAYS[0], ["bag"], seed=9))
    assert read("bag", "--day", DAYS[0])["row"]["title"] == "title 9"
    assert read("bag", "--day", DAYS[0], "--as-of", str(before))["row"]["title"] == "title 0"


def test_bookkeeping_does_not_hide_the_commit_that_said_it(home: Path) -> None:
    said = read("bag", "--day", DAYS[1])
    batch = make_batch(DAYS[1], ["bag"], seed=1)
    ledger = replaced(batch.ledger, "attempts", 0, 7)
    store(home, 9).replace_partition(DAYS[1], replace(batch, ledger=ledger.cast(LEDGER)))
    again = read("bag", "--day", DAYS[1])
    assert again["snapshot_version"] > said["snapshot_version"]
    assert (again["version"], again["committed_at"]) == (said["version"], said["committed_at"])
    assert again["images"][0]["attempts"] == 7


@pytest.mark.usefixtures("home")
def test_what_was_never_there_is_said_in_plain_words() -> None:
    assert call("nothing").output == "nothing is not known, as of snapshot version 4\n"
    assert call("nothing").exit_code == 1
    hat = call("hat")
    assert "its row in the catalogue of 2026-03-04 cannot be used: row 7: price" in hat.output
    assert read("hat")["rejected"] == "row 7: price"
    assert read("bag", "--day", "2026-02-01")["live"] is False


@pytest.mark.usefixtures("home")
def test_the_tables_show_it_all() -> None:
    shown = call("bag", "--day", DAYS[0])
    assert shown.exit_code == 0
    for part in (
        "bag, on 2026-03-01 as of snapshot version 1\n",
        "the partition 2026-03-01 says (commit 1 of 2026-03-02 12:00:00 UTC)\n",
        "title 0",
        f"SHA-256 {image_id('bag', 0, 0)}",
        "timed_out (10 s [bold]), 3 attempts, the last at 2026-03-01 12:00:00 UTC",
        "0.100 0.200 0.500 0.750",
        f"{EXTRACTOR}, shapes@0123456789ab",
    ):
        assert part in shown.output, part


@pytest.mark.usefixtures("home")
def test_a_narrow_terminal_shows_whole_boxes_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = call("bag", "--day", DAYS[1]).output
    for part in (
        "0.100 0.200 0.500 0.750",
        f"boxes by {DETECTOR}\n",
        f"described by {EXTRACTOR}\n",
    ):
        assert part in shown, shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.usefixtures("home")
def test_a_hostile_id_reaches_no_terminal() -> None:
    shown = call(HOSTILE)
    assert shown.exit_code == 0
    assert "[red]o'brien·[2J\"; DROP TABLE·👜" in shown.output
    assert "\x1b" not in shown.output
    assert read(HOSTILE)["item_id"] == HOSTILE
    for absent in ("' OR 1=1 --", "../..", "--x", "null\x00byte", "\ud800"):
        result = CliRunner().invoke(main, ["item", "--json", "--", absent])
        assert result.exit_code == 1, result.output


@pytest.mark.usefixtures("home")
def test_what_cannot_be_asked_is_one_clear_error() -> None:
    for words, said in (
        (("bag", "--day", "soon"), "write YYYY-MM-DD"),
        (("bag", "--as-of", "soon"), "write a snapshot version, or a time"),
        (("bag", "--as-of", "2026-03-01T12:00"), "write 2026-03-01T12:00:00+00:00 for UTC"),
        (("bag", "--as-of", "2026-03-01"), "write 2026-03-01T00:00:00+00:00 for UTC"),
        (("bag", "--as-of", "999"), "there is no snapshot version 999"),
    ):
        result = call(*words)
        assert result.exit_code in (1, 2)
        assert said in " ".join(result.output.split())


def test_an_empty_store_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path / "none"))
    assert call("bag").output == "bag is not known, as of snapshot version 0\n"
