"""Faults that the batch gate or the store must catch by name, and nothing may be committed."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from feature_store.errors import GateError, StoreError
from feature_store.ingest import check_partition, commit_partition
from feature_store.settings import Settings
from feature_store.tables import PartitionBatch, open_store
from feature_store.tables.content import canonical, content_hash
from tests.faults.pipeline import extract, run
from tests.faults.planting import PLANTED
from tests.faults.processes import Mark, call
from tests.faults.room import Room
from tests.faults.shop import DAYS, settings_of
from tests.faults.undisturbed import Undisturbed
from tests.feature_store.batches import make_batch, replaced

GROUP = "batch gate"
STEP = 3
"""The step whose day has the faults: the third day, after an index."""
DS = DAYS[2]

Attempt = Callable[[Path, Path], list[str]]
"""Tries something on a shop and a home; returns what was said against it."""


def batches(room: Room) -> None:
    """Plant each fault, see it caught and nothing changed; then run the day without it."""
    for name, wrong, caught_by in call(room.log, plant_all, room.usual(), room.short):
        room.report.fault(GROUP, name).judge(wrong, caught_by)
    for name, said in call(room.log, write_all, room.folder / "home").items():
        expected = STORE_FAULTS[name][0]
        wrong = "" if expected in said else f"not {expected!r}, but {said or 'it was written'}"
        room.report.fault("store", name).judge(wrong, f"StoreError: …{expected}…")


def plant_all(mark: Mark, usual: Undisturbed, short: bool) -> list[tuple[str, str, str]]:
    """Plant each fault; return for each its name, what was wrong, and what caught it."""
    found = []
    for name, (check, attempt) in ATTEMPTS.items():
        usual.put(STEP)
        failed = attempt(usual.shop, usual.home)
        wrong = _wrong(usual, failed, check) or ("" if short else _wrong_later(usual))
        found.append((name, wrong, f"the check {check!r}"))
    found.append(("the day again without faults", _wrong_later(usual), "the undisturbed content"))
    return found


def ingest_planted(name: str, *, after_the_gate: bool = False) -> Attempt:
    """Ingest a day into whose shards a fault is planted before its gate, or after it."""

    def attempt(shop: Path, home: Path) -> list[str]:
        settings = settings_of(shop, home)

        def plant() -> None:
            PLANTED[name].plant(settings.staging / DS)

        if after_the_gate:
            return _ingest(settings, after_the_gate=plant)
        return _ingest(settings, before_the_gate=plant)

    return attempt


def ingest_half(shop: Path, home: Path) -> list[str]:
    """Ingest a day whose catalogue has lost half of its rows."""
    lines = (shop / f"catalogue-{DS}.csv").read_text().splitlines(keepends=True)
    half = home.with_name("half.csv")
    half.write_text("".join([lines[0], *lines[1::2]]))
    settings = dataclasses.replace(settings_of(shop, home), catalogue_location=str(half))
    return _ingest(settings)


ATTEMPTS: dict[str, tuple[str, Attempt]] = {
    **{name: (planted.check, ingest_planted(name)) for name, planted in PLANTED.items()},
    "half the items gone": ("items deleted", ingest_half),
    "changed after the gate": (
        f"{DS} was described again after its check",
        ingest_planted("NaN", after_the_gate=True),
    ),
}
"""What must be said, and the ingest that is to make the gate say so."""


def _nothing() -> None:
    """Plant nothing."""


def _ingest(
    settings: Settings,
    before_the_gate: Callable[[], None] = _nothing,
    after_the_gate: Callable[[], None] = _nothing,
) -> list[str]:
    try:
        extract(DS, settings)
        before_the_gate()
        check_partition(DS, settings).raise_if_failed()
        after_the_gate()
        commit_partition(DS, settings)
    except GateError as error:
        return list(error.failures)
    return []


def _wrong(usual: Undisturbed, failed: list[str], check: str) -> str:
    if not any(failure.startswith(check) for failure in failed):
        return f"{check!r} says nothing, but: {failed or 'it was committed'}"
    difference = usual.look_here().differs_from(usual.said[STEP])
    return f"something was changed: {difference}" if difference else ""


def _wrong_later(usual: Undisturbed) -> str:
    """Clear the day away, as the gate says, and run it again."""
    shutil.rmtree(usual.home / "staging" / DS, ignore_errors=True)
    run(lambda mark: None, usual.victim, 0)
    return usual.look_here().differs_from(usual.said[-1])


def write_all(mark: Mark, home: Path) -> dict[str, str]:
    """Write faulty batches past the gate, over a good one; return what the store says to each."""
    store = open_store(Settings(home=home))
    good = make_batch("2026-05-01", ["a", "b"])
    hashed = store.replace_partition("2026-05-01", good).content_hash
    said = {}
    for name, (_, spoil) in STORE_FAULTS.items():
        try:
            store.replace_partition("2026-05-01", spoil(good))
            said[name] = ""
        except StoreError as error:
            kept, _ = store.partition("2026-05-01")
            same = content_hash(canonical(kept)) == hashed
            said[name] = str(error) if same else "the partition was changed"
    return said


def _features(edit: Callable[[pa.Table], pa.Table]) -> Callable[[PartitionBatch], PartitionBatch]:
    return lambda batch: dataclasses.replace(batch, features=edit(batch.features))


STORE_FAULTS: dict[str, tuple[str, Callable[[PartitionBatch], PartitionBatch]]] = {
    "duplicate keys": ("keys repeat", _features(lambda t: pa.concat_tables([t, t.slice(0, 1)]))),
    "wrong dim": ("length 'dim'", _features(lambda t: replaced(t, "vector", 0, [1.0]))),
    "a null in a vector": (
        "null in 'vector'",
        _features(lambda t: replaced(t, "vector", 0, [None, 0.0, 0.0, 1.0])),
    ),
    "another day's row": (
        "the partition being written",
        _features(lambda t: replaced(t, "ds", 0, "2026-05-02")),
    ),
    "an extractor without digest": (
        "does not name a model",
        _features(lambda t: replaced(t, "extractor", 0, "colours")),
    ),
    "a column missing": ("columns missing", _features(lambda t: t.drop_columns(["x0"]))),
}
"""What the store must say, and the batch that is to make it say so."""
