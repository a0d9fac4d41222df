"""The batch gate: silent on a good batch, and each check fires on the fault it is there for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from feature_store.errors import GateError, SettingsError
from feature_store.quality import Expected, GateReport, Planned, QualitySettings, check_batch
from feature_store.schemas import LEDGER, Box, region_id
from feature_store.tables import PartitionBatch
from tests.feature_store.batches import DIM, EXTRACTOR, PRODUCT, make_batch, replaced

DAY = "2026-03-01"
ITEMS = [f"item {n}" for n in range(8)]
HOSTILE = ["o'brien\"", "two\nlines", "👜" * 400]
Fault = Callable[[PartitionBatch], PartitionBatch]


def good() -> PartitionBatch:
    return make_batch(DAY, [*ITEMS, *HOSTILE], deleted=["old"], images=2)


OTHER = "shapes@0123456789ab"


def side_by_side() -> PartitionBatch:
    """The good batch described by two extractors."""
    batch = good()
    rows = batch.features.to_pylist()
    for row in rows:
        row["extractor"], row["vector"] = OTHER, row["vector"][::-1]
    others = pa.Table.from_pylist(rows, schema=batch.features.schema)
    return replace(batch, features=pa.concat_tables([batch.features, others]))


def gate(
    batch: PartitionBatch, *, settings: QualitySettings | None = None, **known: object
) -> GateReport:
    expected = Expected(20, {EXTRACTOR: DIM, OTHER: DIM}, EXTRACTOR)
    previous = {"previous_live_items": known.pop("previous")} if "previous" in known else {}
    return check_batch(
        batch.items,
        batch.ledger,
        batch.features,
        expected=replace(expected, **previous, **known),  # type: ignore[arg-type]
        settings=settings or QualitySettings(),
    )


def failed(report: GateReport) -> dict[str, str]:
    return {check.name: check.message for check in report.checks if not check.passed}


def features(column: str, row: int, value: object) -> Fault:
    return lambda batch: replace(batch, features=replaced(batch.features, column, row, value))


def ledger(**columns: object) -> Fault:
    def plant(batch: PartitionBatch) -> PartitionBatch:
        table = batch.ledger
        for column, value in columns.items():
            table = replaced(table, column, 2, value)
        return replace(batch, ledger=table)

    return plant


def twice(name: str) -> Fault:
    def plant(batch: PartitionBatch) -> PartitionBatch:
        table = getattr(batch, name)
        return replace(batch, **{name: pa.concat_tables([table, table.slice(2, 1)])})

    return plant


def without(name: str, row: int) -> Fault:
    def plant(batch: PartitionBatch) -> PartitionBatch:
        table = getattr(batch, name)
        kept = pa.array([number != row for number in range(table.num_rows)])
        return replace(batch, **{name: table.filter(kept)})

    return plant


def constant(batch: PartitionBatch) -> PartitionBatch:
    """Every vector the same but for its last bits."""
    noise = np.random.default_rng(0).normal(0, 1e-7, (batch.features.num_rows, DIM))
    vectors = (np.full((batch.features.num_rows, DIM), 0.5) + noise).astype(np.float32)
    column = pa.array(list(vectors), pa.list_(pa.float32()))
    position = batch.features.column_names.index("vector")
    return replace(batch, features=batch.features.set_column(position, "vector", column))


def swapped(*columns: str) -> Fault:
    """Two rows' values of some columns changed places."""

    def plant(batch: PartitionBatch) -> PartitionBatch:
        table = batch.features
        for column in columns:
            one, other = (table[column][row].as_py() for row in (3, 40))
            table = replaced(replaced(table, column, 3, other), column, 40, one)
        return replace(batch, features=table)

    return plant


NAN, INF = float("nan"), float("inf")

FAULTS: dict[str, tuple[Fault, str]] = {
    "NaN": (features("vector", 3, [NAN, 0.0, 0.0, 1.0]), "vectors finite"),
    "inf": (features("vector", 3, [INF, 0.0, 0.0, 1.0]), "vectors finite"),
    "zero vector": (features("vector", 3, [0.0] * DIM), "vector norm"),
    "unscaled vector": (features("vector", 3, [1.0, 0.0, 0.0, 0.06]), "vector norm"),
    "wrong length": (features("vector", 3, [1.0]), "vector length"),
    "wrong dim": (features("dim", 3, 512), "vector length said"),
    "box out of order": (features("x0", 2, 0.9), "boxes"),
    "box outside": (features("y1", 2, 1.01), "boxes"),
    "box not a number": (features("y0", 2, NAN), "boxes"),
    "whole image cut": (features("x1", 3, 0.5), "boxes"),
    "unknown kind": (features("kind", 2, "face"), "boxes"),
    "feature twice": (twice("features"), "features unique"),
    "item twice": (twice("items"), "items unique"),
    "ledger row twice": (twice("ledger"), "ledger complete"),
    "ledger row missing": (without("ledger", 2), "ledger complete"),
    "ledger row of nobody": (ledger(item_id="stranger"), "ledger complete"),
    "ledger row of another photo": (ledger(image_uri="/elsewhere"), "ledger complete"),
    "unknown status": (ledger(status="maybe"), "ledger reasons"),
    "unknown reason": (ledger(status="failed", reason="bored"), "ledger reasons"),
    "failure without reason": (ledger(status="failed"), "ledger reasons"),
    "indexed with a reason": (ledger(reason="corrupt"), "ledger reasons"),
    "whole image missing": (without("features", 5), "whole images"),
    "product missing": (without("features", 4), "regions counted"),
    "features of a failed image": (ledger(status="failed", reason="corrupt"), "whole images"),
    "constant embedding": (constant, "vectors distinct"),
    "region ids permuted": (swapped("region_id"), "region ids"),
    "boxes permuted": (features("x0", 2, 0.25), "region ids"),
    "images permuted": (swapped("image_id", "region_id"), "image ids"),
    "items permuted": (swapped("item_id", "image_index"), "image ids"),
    "stale extractor": (features("extractor", 2, "colours@00000000aaaa"), "stale extractor"),
    "only described by another extractor": (features("extractor", 3, OTHER), "whole images"),
    "null": (features("label", 3, None), "columns filled"),
    "column missing": (
        lambda batch: replace(batch, features=batch.features.drop_columns("vector")),
        "columns present",
    ),
    "column of another type": (
        lambda batch: replace(
            batch, items=batch.items.set_column(7, "price", batch.items["price"].cast("string"))
        ),
        "columns typed",
    ),
}


def test_a_good_batch_passes_every_check() -> None:
    report = gate(good())
    assert failed(report) == {}
    report.raise_if_failed()
    fired = {check for _, check in FAULTS.values()}
    shares = {"images indexed", "photos kept", "catalogue rows valid", "items deleted"}
    assert {check.name for check in report.checks} == fired | shares


@pytest.mark.parametrize("fault", FAULTS)
def test_each_check_fires_on_its_fault(fault: str) -> None:
    plant, check = FAULTS[fault]
    report = gate(plant(good()))
    assert check in failed(report)
    with pytest.raises(GateError, match=check):
        report.raise_if_failed()


def test_two_extractors_side_by_side_pass_and_one_gone_constant_fails() -> None:
    batch = side_by_side()
    assert failed(gate(batch)) == {}
    half = good().features.num_rows
    spoilt = constant(batch).features.slice(half).cast(batch.features.schema)
    mixed = replace(batch, features=pa.concat_tables([batch.features.slice(0, half), spoilt]))
    assert list(failed(gate(mixed))) == ["vectors distinct"]


def test_vectors_as_long_as_another_extractor_s_fail() -> None:
    report = gate(side_by_side(), dims={EXTRACTOR: DIM, OTHER: DIM + 1})
    assert list(failed(report)) == ["vector length", "vector length said"]


def test_a_kept_extractor_may_leave_a_region_out() -> None:
    batch = side_by_side()
    assert failed(gate(without("features", batch.features.num_rows - 1)(batch))) == {}


def test_a_region_named_before_its_corners_were_rounded_passes() -> None:
    batch = good()
    corner = 0.29125  # float32 has 0.29124999…, which reads 0.2912
    image = batch.features["image_id"][2].as_py()
    name = region_id(image, Box(corner, *PRODUCT[1:]))
    assert name != region_id(image, Box(float(np.float32(corner)), *PRODUCT[1:]))
    named = features("region_id", 2, name)(features("x0", 2, corner)(batch))
    assert failed(gate(named)) == {}


PLANNED = Planned(items=11, images=22, deleted=1, rejected=0)


@pytest.mark.parametrize(
    ("what", "check"),
    [
        ("items", "items as planned"),
        ("images", "images as planned"),
        ("deleted", "deletions as planned"),
        ("rejected", "rejections as planned"),
    ],
)
def test_a_batch_that_does_not_add_up_to_its_plan_fails(what: str, check: str) -> None:
    assert failed(gate(good(), planned=PLANNED)) == {}
    more = replace(PLANNED, **{what: getattr(PLANNED, what) + 3})
    assert list(failed(gate(good(), planned=more))) == [check]


def test_half_of_a_plan_s_items_gone_is_noticed_whatever_is_left_of_them() -> None:
    half = make_batch(DAY, ITEMS, images=2)
    planned = Planned(items=16, images=32, deleted=0, rejected=0)
    found = failed(gate(half, planned=planned))
    assert list(found) == ["items as planned", "images as planned"]
    assert "the batch has 8 changed items, the plan 16" in found["items as planned"]


def test_images_that_fail_again_are_no_news() -> None:
    batch = failing(good(), 22)
    places = [(row["item_id"], row["image_index"]) for row in batch.ledger.to_pylist()]
    some, every = (dict.fromkeys(chosen, False) for chosen in (places[:5], places))
    assert list(failed(gate(batch, revisited=some))) == ["images indexed"]
    assert failed(gate(batch, revisited=every)) == {}


@pytest.mark.parametrize(
    ("previous", "lost", "passes"),
    [(15, 5, True), (15, 6, False), (220, 22, True), (190, 21, False)],
)
def test_photos_of_unchanged_items_may_break_up_to_a_share_of_all(
    previous: int, lost: int, passes: bool
) -> None:
    batch = failing(good(), lost)
    before = {(row["item_id"], row["image_index"]): True for row in batch.ledger.to_pylist()}
    report = failed(gate(batch, revisited=before, previous=previous))
    assert list(report) == ([] if passes else ["photos kept"])
    if not passes:
        assert f"{lost} photos of unchanged items" in report["photos kept"]
        assert f"(corrupt {lost}), such as 'item 0'" in report["photos kept"]


def test_an_empty_batch_passes() -> None:
    assert failed(gate(make_batch(DAY, []))) == {}
    assert failed(gate(make_batch(DAY, [], deleted=["a"]), previous=4)) == {}


def test_half_the_items_gone_fails_and_says_what_to_do() -> None:
    batch = make_batch(DAY, ["new"], deleted=ITEMS)
    report = gate(batch, previous=16)
    message = failed(report)["items deleted"]
    assert "8 of 16 live items" in message
    assert "NITAMONO_QUALITY_MAX_DELETED_SHARE" in message
    allowed = QualitySettings(max_deleted_share=0.5)
    assert failed(gate(batch, previous=16, settings=allowed)) == {}


def failing(batch: PartitionBatch, count: int) -> PartitionBatch:
    """The batch as it is when the first `count` images cannot be decoded."""
    lost = [(r["item_id"], r["image_index"]) for r in batch.ledger.slice(0, count).to_pylist()]
    table = batch.ledger
    for row in range(count):
        for column, value in (("status", "failed"), ("reason", "corrupt"), ("regions", 0)):
            table = replaced(table, column, row, value)
    rows = batch.features.select(["item_id", "image_index"]).to_pylist()
    kept = pa.array([(row["item_id"], row["image_index"]) not in lost for row in rows])
    return replace(batch, ledger=table, features=batch.features.filter(kept))


@pytest.mark.parametrize(("count", "passes"), [(0, True), (7, True), (8, False), (22, False)])
def test_a_few_failed_images_do_not_stop_a_batch_but_more_than_a_third_do(
    count: int, passes: bool
) -> None:
    report = gate(failing(good(), count))
    assert ("images indexed" not in failed(report)) is passes
    if not passes:
        assert f"{count} of 22 images could not be used (corrupt {count})" in str(failed(report))


def test_a_quiet_day_is_not_stopped_by_its_only_photo() -> None:
    batch = failing(make_batch(DAY, ["new"]), 1)
    assert failed(gate(batch, previous=20)) == {}
    assert list(failed(gate(batch, previous=0))) == ["images indexed"]


def test_a_large_batch_may_fail_by_share_only() -> None:
    batch = make_batch(DAY, [f"{n}" for n in range(300)])
    assert failed(gate(failing(batch, 30))) == {}
    assert list(failed(gate(failing(batch, 31)))) == ["images indexed"]


def test_failed_images_and_rows_are_shown_with_their_particulars() -> None:
    batch = failing(good(), 22)
    for row, detail in ((0, "the file is {empty}"), (1, "x" * 5000)):
        batch = replace(batch, ledger=replaced(batch.ledger, "detail", row, detail))
    batch = replace(batch, ledger=replaced(batch.ledger, "reason", 9, "too_small"))
    message = failed(gate(batch))["images indexed"]
    assert "'item 0': the file is {empty}" in message
    assert "'item 4': too_small" in message
    assert "nitamono ledger" in message
    assert len(message) < 1000


def test_rejected_rows_have_a_share_of_their_own() -> None:
    def with_rejected(count: int) -> PartitionBatch:
        row = {"ds": DAY, "item_id": "?", "image_index": -1, "image_uri": "", "status": "failed",
               "reason": "row_invalid", "detail": "row 1: price", "regions": 0}  # fmt: skip
        batch = make_batch(DAY, ["a", "b"])
        rejected = pa.Table.from_pylist([row] * count, schema=LEDGER)
        return replace(batch, ledger=pa.concat_tables([batch.ledger, rejected]))

    assert failed(gate(with_rejected(20), previous=20)) == {}
    assert list(failed(gate(with_rejected(21), previous=20))) == ["catalogue rows valid"]
    report = failed(gate(with_rejected(3), previous=0))
    assert list(report) == ["catalogue rows valid"]
    assert "such as '?': row 1: price" in report["catalogue rows valid"]


def test_a_message_counts_gives_examples_and_cuts_long_ids_short() -> None:
    batch = good()
    hostile = pc.is_in(batch.features["item_id"], pa.array(HOSTILE))
    for row in np.flatnonzero(hostile.to_numpy()):
        batch = features("vector", int(row), [0.0] * DIM)(batch)
    message = failed(gate(batch))["vector norm"]
    assert "12 of 44 vectors do not have the norm 1" in message
    assert r"'two\nlines'" in message
    assert "👜..." in message
    assert len(message) < 600


def test_a_batch_with_every_column_wrong_is_told_at_once() -> None:
    empty = pa.table({"x": [1]})
    names = set(failed(gate(PartitionBatch(empty, empty, empty))))
    assert "columns present" in names


def test_the_report_is_json_and_comes_back() -> None:
    report = gate(FAULTS["NaN"][0](good()))
    values = json.loads(report.to_json())
    assert values["passed"] is False
    assert GateReport.from_dict(values) == report


def test_nothing_is_sent_anywhere() -> None:
    gate(good())
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


@pytest.mark.parametrize(
    ("name", "value"),
    [("min_indexed_share", 1.5), ("max_deleted_share", -0.1), ("tolerated_failed_images", -1)],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=name):
        QualitySettings(**{name: value})  # type: ignore[arg-type]
