"""`POST /v1/events` of a real service: what is taken and written, and what a stranger may send."""

from __future__ import annotations

import datetime as dt
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from feature_store.storage import Bucket
from serving.events import MAX_BODY_BYTES
from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.test_state import samples, summed

EVENT = {
    "type": "click",
    "query_id": "0123456789abcdef" * 2,
    "item_id": "asked",
    "position": 3,
    "hit_item_id": "hit",
    "bundle": "b1",
    "session": "Zm9v-YmFy_1",
}


def batch(*events: dict[str, Any]) -> str:
    return json.dumps({"events": list(events)})


def written(folder: Path) -> list[dict[str, Any]]:
    tables = [pq.read_table(path, partitioning=None) for path in folder.glob("ds=*/*.parquet")]
    return [row for table in tables for row in table.to_pylist()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("events")
    build_shop(home)
    return home


@pytest.fixture(scope="module")
def taking(home: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(home, "--workers", "2", events_flush_seconds=0.2) as running:
        yield running


@pytest.fixture
def door(taking: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=taking.address, timeout=10, trust_env=False) as client:
        yield client


def send(door: httpx.Client, body: str | bytes, kind: str = "application/json") -> httpx.Response:
    return door.post("/v1/events", content=body, headers={"Content-Type": kind})


def test_what_is_taken_is_written_and_nothing_more(door: httpx.Client, home: Path) -> None:
    marked = {**EVENT, "hit_item_id": "marked"}
    photo = {name: value for name, value in marked.items() if name not in ("item_id", "session")}
    answer = send(door, batch(marked, photo))
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2})
    assert answer.headers["cache-control"] == "no-store"

    def found() -> list[dict[str, Any]]:
        return [row for row in written(home / "events") if row["hit_item_id"] == "marked"]

    until(lambda: len(found()) == 2)
    for row, sent in zip(found(), (marked, photo), strict=True):
        at = row.pop("received_at")
        assert abs(at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
        assert row == {"item_id": None, "session": None, **sent}


def test_a_beacon_is_plain_text_from_a_page_of_another_origin(door: httpx.Client) -> None:
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
    answer = door.post("/v1/events", content=batch(EVENT), headers=headers)
    assert answer.status_code == 202
    assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example")


def test_a_page_may_ask_beforehand_to_send_json(door: httpx.Client) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = door.options("/v1/events", headers=asked)
    assert answer.status_code in (200, 204)
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"type": "purchase"}, "events[0].type"),
        ({"type": ["click"]}, "events[0].type"),
        ({"type": None}, "events[0].type"),
        ({"query_id": "0123456789ABCDEF" * 2}, "events[0].query_id"),
        ({"query_id": "0" * 33}, "events[0].query_id"),
        ({"query_id": "0" * 32 + "\n"}, "events[0].query_id"),
        ({"query_id": 7}, "events[0].query_id"),
        ({"item_id": ""}, "events[0].item_id"),
        ({"item_id": "x" * 2049}, "events[0].item_id"),
        ({"item_id": {"a": 1}}, "events[0].item_id"),
        ({"position": 0}, "events[0].position"),
        ({"position": -1}, "events[0].position"),
        ({"position": 1101}, "events[0].position"),
        ({"position": 10**30}, "events[0].position"),
        ({"position": 1.5}, "events[0].position"),
        ({"position": True}, "events[0].position"),
        ({"position": "1"}, "events[0].position"),
        ({"hit_item_id": None}, "events[0].hit_item_id"),
        ({"bundle": "../secret"}, "events[0].bundle"),
        ({"bundle": "-b"}, "events[0].bundle"),
        ({"bundle": "b" * 101}, "events[0].bundle"),
        ({"session": "short"}, "events[0].session"),
        ({"session": "someone@shop.example"}, "events[0].session"),
        ({"session": "x" * 65}, "events[0].session"),
        ({"email": "someone@shop.example"}, "events[0].email"),
        ({"received_at": 0}, "events[0].received_at"),
        ({"x" * 5000: 0}, "events[0].xxx"),
    ],
)
def test_an_event_that_is_none_is_refused_by_name(
    door: httpx.Client, change: dict[str, Any], named: str
) -> None:
    answer = send(door, batch({**EVENT, **change}))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(named)
    assert len(answer.content) < 1000


@pytest.mark.parametrize("name", ["type", "query_id", "position", "hit_item_id", "bundle"])
def test_what_is_missing_is_named(door: httpx.Client, name: str) -> None:
    lacking = {key: value for key, value in EVENT.items() if key != name}
    answer = send(door, batch(EVENT, lacking))
    assert (answer.status_code, answer.json()["parameter"]) == (400, f"events[1].{name}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"events"',
        b"{}",
        b'{"events": []}',
        b'{"events": {}}',
        b'{"events": [1]}',
        b'{"events": [[]]}',
        b'{"events": null, "more": 1}',
        b'{"events": [NaN]}',
        b'{"events": [Infinity]}',
        b'{"events": ["\\ud800"]}',
        b'{"events": ' + b"[" * 30000 + b"]" * 30000 + b"}",
        b"\xff\xfe\x00",
        b'{"events": [',
        batch(*[EVENT] * 101).encode(),
    ],
)
def test_a_body_that_is_no_batch_is_refused(door: httpx.Client, body: bytes) -> None:
    answer = send(door, body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_batch_is_taken_whole_or_not(door: httpx.Client, home: Path) -> None:
    good = {**EVENT, "hit_item_id": "whole-or-not"}
    assert send(door, batch(good, {**good, "position": 0})).status_code == 400
    assert send(door, batch({**EVENT, "hit_item_id": "after"})).status_code == 202
    until(lambda: any(row["hit_item_id"] == "after" for row in written(home / "events")))
    assert not [row for row in written(home / "events") if row["hit_item_id"] == "whole-or-not"]


def test_a_body_that_is_too_long_is_refused(door: httpx.Client) -> None:
    fits = batch(EVENT) + " " * (MAX_BODY_BYTES - len(batch(EVENT)))
    assert send(door, fits).status_code == 202
    assert send(door, fits + " ").status_code == 413


def test_other_kinds_of_bodies_and_parameters_are_refused(door: httpx.Client) -> None:
    assert send(door, batch(EVENT), "application/x-www-form-urlencoded").status_code == 415
    assert door.post("/v1/events?debug=1", content=batch(EVENT)).status_code == 400
    assert door.get("/v1/events").status_code == 405


def test_what_becomes_of_events_is_counted(door: httpx.Client) -> None:
    def counted(kind: str, outcome: str) -> float:
        return summed(samples(door), "nitamono_shopper_events_total", kind, outcome)

    views, refused = counted("view", "accepted"), counted("other", "rejected")
    assert send(door, batch(*[{**EVENT, "type": "view"}] * 5)).status_code == 202
    assert send(door, batch({})).status_code == 400
    assert counted("view", "accepted") == views + 5
    assert counted("other", "rejected") == refused + 1


def test_the_end_of_the_service_writes_what_waits(tmp_path: Path) -> None:
    build_shop(tmp_path)
    with ServiceProcess(tmp_path, "--workers", "2", events_flush_seconds=3600) as running:
        with httpx.Client(base_url=running.address, trust_env=False) as client:
            for _ in range(20):
                assert send(client, batch(*[EVENT] * 5)).status_code == 202
        assert written(tmp_path / "events") == []
        assert running.stop() == 0
    assert len(written(tmp_path / "events")) == 100


def workers_of(service: ServiceProcess) -> list[int]:
    return [worker for leader in children_of(service.process.pid) for worker in children_of(leader)]


def test_a_full_disk_loses_no_event_and_fails_no_look_up(tmp_path: Path) -> None:
    build_shop(tmp_path)
    with ServiceProcess(tmp_path, events_flush_seconds=0.1) as running:
        [worker] = workers_of(running)
        usual = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (0, usual[1]))
        with httpx.Client(base_url=running.address, trust_env=False) as client:
            assert send(client, batch(EVENT)).status_code == 202
            folder = tmp_path / "events"
            until(lambda: folder.is_dir() and any(folder.iterdir()))  # it was tried
            for _ in range(20):
                assert client.get(f"/v1/items/{PLAIN}/similar").status_code == 200
            assert written(folder) == []
            resource.prlimit(worker, resource.RLIMIT_FSIZE, usual)
            until(lambda: len(written(folder)) == 1)


def test_events_can_go_to_a_bucket(tmp_path: Path, bucket: str) -> None:
    build_shop(tmp_path)
    location = f"gs://{bucket}/shop/events"
    with ServiceProcess(tmp_path, events=location, events_flush_seconds=0.1) as running:
        with httpx.Client(base_url=running.address, trust_env=False) as client:
            assert send(client, batch(EVENT)).status_code == 202
        objects = Bucket(bucket)
        until(lambda: list(objects.list("shop/events/ds=")))
    [stored] = objects.list("shop/")
    data, _ = objects.read(stored.name, 2**20)
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(data)
    assert pq.read_table(copy).num_rows == 1
    assert not (tmp_path / "events").exists()


def test_a_service_can_do_without(tmp_path: Path) -> None:
    build_shop(tmp_path)
    with (
        ServiceProcess(tmp_path, events="off") as running,
        httpx.Client(base_url=running.address, trust_env=False) as client,
    ):
        assert send(client, batch(EVENT)).status_code == 404
        assert client.get("/v1/bundle").json()["capabilities"]["events"] is False
    assert not (tmp_path / "events").exists()
