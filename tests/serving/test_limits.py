"""How often a client may ask, and who a client is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

import serving.limits
from feature_store.bundle import BundleRegistry
from serving.answers import Answers
from serving.counters import Counters, board_for
from serving.limits import Limits, client_address
from serving.lookups import Lookups
from serving.observed import Draining, Observer
from serving.origins import Origins
from serving.problems import ProblemError
from serving.served import Served
from serving.service import Service
from serving.settings import ServingSettings
from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import PLAIN


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def scope(address: str | None = "192.0.2.1", *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", each.encode()) for each in forwarded]
    return {"client": None if address is None else (address, 40000), "headers": headers}


def asked(limits: Limits, of: dict[str, Any], most: int = 1000) -> int:
    """How many requests in a row are answered."""
    for number in range(most):
        try:
            limits.take(of)
        except ProblemError:
            return number
    return most


def test_a_burst_of_two_seconds_and_then_the_rate() -> None:
    clock = Clock()
    limits = Limits(5, 0, clock)
    assert asked(limits, scope()) == 10
    clock.seconds += 1
    assert asked(limits, scope()) == 5
    clock.seconds += 3600
    assert asked(limits, scope()) == 10


def test_a_refusal_says_when_to_ask_again_and_then_it_is_answered() -> None:
    clock = Clock()
    limits = Limits(0.1, 0, clock)
    limits.take(scope())
    with pytest.raises(ProblemError) as refused:
        limits.take(scope())
    assert refused.value.status == 429
    seconds = refused.value.members["retry_after_seconds"]
    assert seconds == 10
    clock.seconds += 10
    limits.take(scope())


def test_clients_do_not_spend_each_others() -> None:
    limits = Limits(1, 0, Clock())
    assert asked(limits, scope("192.0.2.1")) == 2
    assert asked(limits, scope("192.0.2.2")) == 2
    assert asked(limits, scope("2001:db8::1")) == 2
    # One household has all addresses of a network of IPv6.
    assert asked(limits, scope("2001:db8::2")) == 0
    assert asked(limits, scope("2001:db8:0:1::1")) == 2


def test_more_work_than_one_request_is_paid_off_later() -> None:
    clock = Clock()
    limits = Limits(1, 0, clock)
    limits.take(scope())
    limits.charge(scope(), 63)
    clock.seconds += 60
    assert asked(limits, scope()) == 0
    clock.seconds += 4
    assert asked(limits, scope()) == 2


def test_no_rate_is_no_limit() -> None:
    assert asked(Limits(0, 0, Clock()), scope(), 5000) == 5000


def test_the_memory_of_clients_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.limits, "KEPT", 3)
    limits = Limits(1, 0, Clock())
    assert asked(limits, scope("192.0.2.1")) == 2
    for last in (2, 3):
        limits.take(scope(f"192.0.2.{last}"))
    assert asked(limits, scope("192.0.2.1")) == 0  # which counts as asking
    limits.take(scope("192.0.2.4"))
    assert asked(limits, scope("192.0.2.2")) == 2


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, ["203.0.113.9"], "192.0.2.1"),
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
        (2, ["198.51.100.1, 203.0.113.9"], "198.51.100.1"),
        (2, ["198.51.100.1", "203.0.113.9"], "198.51.100.1"),
        (2, ["203.0.113.9"], "192.0.2.1"),
        (1, ["::ffff:203.0.113.9"], "203.0.113.9"),
        (1, [""], "192.0.2.1"),
        (1, ["x" * 9000], "x" * 64),
    ],
)
def test_only_proxies_of_ours_are_believed(
    proxies: int, forwarded: list[str], address: str
) -> None:
    assert client_address(scope("192.0.2.1", *forwarded), proxies) == address


def test_no_address_at_all_is_one_client() -> None:
    assert client_address(scope(None), 0) == ""


def test_what_is_asked_twice_of_the_door_is_paid_for_once(shop_home: Path) -> None:
    """The protocol asks for an answer at once, and if there is none, as ASGI has it."""
    answers = Answers(BundleRegistry(shop_home / "bundles").open("shop-1"), shelf=False)
    board = board_for(1)
    counters, settings = Counters(board.claim()), ServingSettings()
    service = Service(Served(answers), settings, board, counters, Draining())
    observer = Observer(counters, service.draining, Origins(["*"]), access_log=False)
    limits = Limits(1, 0, Clock())

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    async def unused(*_: object) -> Any:
        raise AssertionError

    door = Lookups(service, observer, limits, rest)
    of_client = {**scope(), "type": "http", "method": "GET", "query_string": b""}
    for path in (b"/v1/bundle", f"/v1/items/{PLAIN}".encode(), b"/v1/items//similar"):
        assert door.at_once({**of_client, "raw_path": path}) is None
    asyncio.run(door({**of_client, "raw_path": b"/v1/bundle"}, unused, unused))
    look_up = {**of_client, "raw_path": f"/v1/items/{PLAIN}/similar".encode()}
    answers_at_once = [door.at_once(look_up) or (0,) for _ in range(2)]
    assert [status for status, *_ in answers_at_once] == [200, 429]


def test_a_service_with_limits_refuses_and_says_what_is_allowed(shop_home: Path) -> None:
    with (
        ServiceProcess(shop_home, rate_per_second=0.01, proxies=1, max_body_bytes=1024) as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client,
    ):
        path = f"/v1/items/{PLAIN}/similar"
        assert client.get(path).status_code == 200
        other = {"X-Forwarded-For": "203.0.113.9"}
        long = client.post("/v1/search", json={"queries": ["a" * 1024]}, headers=other)
        assert long.status_code == 413
        assert long.json()["allowed"] == "at most 1024 bytes"
        refused = client.get(path, headers={"Origin": "https://shop.example"})
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert 1 <= int(refused.headers["Retry-After"]) <= 100
        assert refused.json()["retry_after_seconds"] == int(refused.headers["Retry-After"])
        # A page must be able to read why, and how it goes is nobody's to spend.
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        for free in ("/healthz", "/readyz", "/metrics", "/widget/"):
            assert client.get(free).status_code == 200
        assert client.get("/v1/bundle").status_code == 429
