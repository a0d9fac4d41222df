"""No string of a catalogue, of an image or of a caller becomes part of an SQL text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import Client

from feature_store.errors import SettingsError
from feature_store.tables.bigquery import BigQueryFeatureStore, service
from feature_store.tables.bigquery.service import pieces
from feature_store.tables.settings import TablesSettings
from tests.feature_store.batches import DETECTOR, EXTRACTOR, image_id, make_batch, replaced

DAY = "2026-03-01"
HOSTILE = "x'); DROP TABLE `items`; -- \"\\ @versions\n👜"


def test_what_is_stored_and_asked_for_never_becomes_sql(
    warehouse_store: BigQueryFeatureStore,
    bigquery_tables: TablesSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    query = Client.query

    def listening(client: Client, sql: str, *rest: object, **options: object) -> object:
        said.append(sql)
        return query(client, sql, *rest, **options)

    monkeypatch.setattr(Client, "query", listening)
    batch = make_batch(DAY, [HOSTILE])
    batch = replace(batch, items=replaced(batch.items, "title", 0, HOSTILE))
    batch = replace(batch, ledger=replaced(batch.ledger, "image_uri", 0, HOSTILE))
    store = warehouse_store
    store.replace_partition(DAY, batch, base=HOSTILE)
    snapshot = store.snapshot(store.snapshot().version)
    assert snapshot.about(HOSTILE).items["title"].to_pylist() == [HOSTILE]
    assert pa.Table.from_batches(snapshot.features(EXTRACTOR)).num_rows == 2
    assert list(snapshot.features(HOSTILE)) == []
    assert snapshot.coverage(HOSTILE).described == 0
    assert store.sources([HOSTILE])["item_id"].to_pylist() == [HOSTILE]
    image = image_id(HOSTILE, 0, 0)
    assert store.known([image, HOSTILE], DETECTOR, [EXTRACTOR]).vectors.num_rows == 2
    snapshot.items(), snapshot.ledger(), snapshot.failed(), snapshot.rejected()
    snapshot.extractors(), store.partition(DAY), store.size(), store.upkeep(0)
    assert len(said) > 15
    for sql in said:
        for value in (HOSTILE, "DROP", "👜", image, EXTRACTOR, DETECTOR, DAY, "title 0", "/photos"):
            assert value not in sql
        # All that may be quoted is a word of ours or a table; nothing else can hide in there.
        assert set(re.findall(r"'([^']*)'", sql)) <= {"failed"}
        assert '"' not in sql
        for table in re.findall(r"`([^`]*)`", sql):
            project, dataset, name = table.split(".")
            assert (project, dataset) == (bigquery_tables.project, bigquery_tables.dataset)
            assert re.fullmatch(r"[a-z]+(_history)?|staging_\d{8}T\d{6}_[0-9a-f]{32}_[a-z]+", name)


def test_rows_are_read_of_no_other_days_than_asked_for(
    warehouse_store: BigQueryFeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BigQuery counts what it reads, not what it gives: without days that is all there ever was."""
    days = ["2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05"]
    for ds in days:
        warehouse_store.replace_partition(ds, make_batch(ds, [f"item of {ds}"]))
    asked: list[tuple[str, dict[str, object]]] = []
    query = Client.query

    def listening(client: Client, sql: str, *rest: object, **options: Any) -> object:
        values = options["job_config"].query_parameters if "job_config" in options else []
        asked.append((sql, {value.name: getattr(value, "value", None) for value in values}))
        return query(client, sql, *rest, **options)

    monkeypatch.setattr(Client, "query", listening)

    def bounds() -> set[tuple[str, str]]:
        read = [(sql, values) for sql, values in asked if "_history`" in sql]
        asked.clear()
        assert read
        for sql, _ in read:
            assert sql.count("_history`") == sql.count("_history` WHERE ds BETWEEN @first_day AND ")
        return {(str(values["first_day"]), str(values["last_day"])) for _, values in read}

    assert warehouse_store.partition(days[1])[0].items.num_rows == 1
    assert bounds() == {(days[1], days[1])}
    snapshot = warehouse_store.snapshot(before=days[3])
    assert (snapshot.items().num_rows, snapshot.rejected().num_rows) == (3, 0)
    assert bounds() == {(days[0], days[2]), (days[2], days[2])}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("project", "shop`; DROP TABLE x; --"),
        ("project", ""),
        ("project", "Shop"),
        ("dataset", "features`"),
        ("dataset", "a.b"),
        ("dataset", "features\n"),
        ("dataset", ""),
        ("region", "EU'"),
        ("staging", "/folder"),
        ("staging", ""),
        ("staging", "gs://"),
        ("store", "postgres"),
    ],
)
def test_settings_that_name_nothing_are_refused(setting: str, value: str) -> None:
    good = TablesSettings("bigquery", "", "shop-project", "features", "EU", "gs://shop/staging")
    with pytest.raises(SettingsError, match=f"tables settings: {setting} is"):
        replace(good, **{setting: value})


def test_long_lists_are_cut_into_pieces_that_a_request_can_carry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "PARAMETER_BYTES", 1000)
    values = [f"{n:064d}" for n in range(50)]
    cut = list(pieces([*values, *values[:5]]))
    assert [value for piece in cut for value in piece] == values
    assert max(sum(len(v) + 32 for v in piece) for piece in cut) <= 1000
    assert list(pieces(["x" * 5000, "y"])) == [["x" * 5000], ["y"]]
    assert list(pieces([])) == []
