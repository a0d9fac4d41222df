"""Photos in, look-alikes out, by the commands a person would type: real models, real files."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, Rules, Searcher
from tests.end_to_end.conftest import (
    DAYS,
    NEXT_DAY,
    NITAMONO,
    Shop,
    environment,
    ingest,
    nitamono,
    status,
)


@pytest.fixture(scope="module")
def undisturbed(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home into which all three days went in peace, with a published bundle."""
    home = tmp_path_factory.mktemp("undisturbed")
    for day in DAYS:
        ingest(home, shop.catalogue, day)
    done = nitamono(home, shop.catalogue, "index")
    assert done.returncode == 0, done.stderr
    return home


def test_every_live_image_is_in_the_ledger_and_indexed(undisturbed: Path) -> None:
    state = status(undisturbed)
    assert state["partitions"] == list(DAYS)
    assert state["items"] >= 55
    assert state["images"] >= state["items"]
    assert state["images_indexed"] == state["images"]
    assert state["coverage"] == 1.0


def test_answers_are_of_the_same_category(undisturbed: Path) -> None:
    searcher = Searcher(BundleRegistry(undisturbed / "bundles").open())
    categories = searcher.bundle.items.column("category").to_pylist()
    ids = searcher.bundle.items.column("item_id").to_pylist()
    first = [searcher.similar(item_id, Rules(limit=1)).hits[0].item for item_id in ids]
    same = sum(categories[hit] == own for hit, own in zip(first, categories, strict=True))
    assert same / len(ids) >= 0.8


def test_an_item_is_never_its_own_hit_and_appears_once(undisturbed: Path) -> None:
    searcher = Searcher(BundleRegistry(undisturbed / "bundles").open())
    for item_id in searcher.bundle.items.column("item_id").to_pylist():
        answer = searcher.similar(item_id, Rules(limit=20))
        hits = [hit.item for hit in answer.hits]
        assert answer.item not in hits
        assert len(hits) == len(set(hits)) == 20


def test_running_a_day_again_changes_nothing(undisturbed: Path, shop: Shop) -> None:
    before = status(undisturbed)
    ingest(undisturbed, shop.catalogue, DAYS[1])
    assert status(undisturbed) == before
    done = nitamono(undisturbed, shop.catalogue, "index")
    assert "already holds the current snapshot" in done.stdout


def test_a_killed_run_ends_in_the_same_store(undisturbed: Path, shop: Shop, tmp_path: Path) -> None:
    """Kill day one at moments spread over its run, then let it and the other days finish."""
    for moment_seconds in (2.0, 4.0, 6.0, 8.0, 10.0):
        run = subprocess.Popen(
            [*NITAMONO, "ingest", "--day", DAYS[0]],
            env=environment(tmp_path, shop.catalogue),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            run.wait(moment_seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            run.wait()
    for day in DAYS:
        ingest(tmp_path, shop.catalogue, day)
    wanted = status(undisturbed)
    found = status(tmp_path)
    assert found["content_hash"] == wanted["content_hash"]
    assert found["items"] == wanted["items"]


def test_a_killed_index_build_publishes_nothing_and_can_be_done_again(
    undisturbed: Path, shop: Shop
) -> None:
    live = status(undisturbed)["live_bundle"]
    run = subprocess.Popen(
        [*NITAMONO, "index", "--rebuild"],
        env=environment(undisturbed, shop.catalogue),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(3)  # anywhere in the build will do: what is tested must hold at every moment
    run.send_signal(signal.SIGKILL)
    run.wait()
    registry = BundleRegistry(undisturbed / "bundles")
    assert registry.open().bundle_id in {live, *(row.bundle_id for row in registry.list())}
    done = nitamono(undisturbed, shop.catalogue, "index", "--rebuild")
    assert done.returncode == 0, done.stderr
    rolled = nitamono(undisturbed, shop.catalogue, "rollback", str(live))
    assert rolled.returncode == 0, rolled.stderr
    assert status(undisturbed)["live_bundle"] == live


def test_half_the_catalogue_gone_is_stopped_at_the_gate(
    undisturbed: Path, shop: Shop, tmp_path: Path
) -> None:
    """The day's dump is cut short: nothing is deleted, and the message says what to do."""
    lines = Path(shop.catalogue.format(ds=DAYS[-1])).read_text().splitlines(keepends=True)
    cut = shop.folder / "catalogue" / "cut.csv"
    cut.write_text("".join(lines[: len(lines) // 3]))
    before = status(undisturbed)
    done = nitamono(undisturbed, str(cut), "ingest", "--day", NEXT_DAY)
    assert done.returncode == 1
    assert "gate failed" in done.stderr
    assert status(undisturbed) == before
