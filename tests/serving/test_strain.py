"""What a live service must survive: swaps and kills under load, a lost folder, a full disk."""

from __future__ import annotations

import http.client
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from feature_store.bundle import BundleRegistry
from tests.benchmarks.serving_strain import connections_of
from tests.serving.service_process import NITAMONO, ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, SLASHED, build_shop
from tests.serving.test_state import samples

SIMILAR = f"/v1/items/{PLAIN}/similar"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_shop(tmp_path)
    return tmp_path


@dataclass
class Shoppers:
    """What clients saw that asked without pause, each over a connection that it keeps."""

    answered: int = 0
    broken: int = 0
    """Connections that ended before the answer had."""
    wrong: list[str] = field(default_factory=list)
    bundles: set[str] = field(default_factory=set)
    going: bool = True

    def shop(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while self.going:
            try:
                connection.request("GET", SIMILAR)
                answer = connection.getresponse()
                body = answer.read()
            except (http.client.HTTPException, ConnectionError):
                self.broken += 1
                connection.close()
                continue
            except OSError as error:
                self.wrong.append(repr(error))
                connection.close()
                continue
            if answer.status != 200 or body.count(b'"score"') != 12:
                self.wrong.append(f"{answer.status} {body[:200]!r}")
            self.bundles.update(name for name in ("shop-1", "shop-2") if name.encode() in body)
            self.answered += 1
        connection.close()


@contextmanager
def shoppers(service: ServiceProcess, count: int) -> Iterator[Shoppers]:
    seen = Shoppers()
    threads = [threading.Thread(target=seen.shop, args=[service.port]) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        seen.going = False
        for thread in threads:
            thread.join()


def test_swaps_under_load_fail_no_request(home: Path) -> None:
    build_shop(home, "shop-2", without=SLASHED)
    registry = BundleRegistry(home / "bundles")
    settings = {"poll_seconds": 0.05, "idle_seconds": 0.3}
    with (
        ServiceProcess(home, "--workers", "2", **settings) as service,
        shoppers(service, 4) as seen,
    ):
        times = {"shop-1": 0, "shop-2": 1}
        for bundle_id in itertools.islice(itertools.cycle(("shop-1", "shop-2")), 10):
            registry.publish(bundle_id)
            times[bundle_id] += 1
            said = f"serving bundle {bundle_id} "
            until(lambda said=said, n=times[bundle_id]: service.said().count(said) == n)
        so_far = seen.answered
        until(lambda: seen.answered > so_far + 20)
    assert (seen.broken, seen.wrong) == (0, [])
    assert seen.bundles == {"shop-1", "shop-2"}


def test_a_killed_worker_takes_only_what_it_held(home: Path) -> None:
    kills, held = 6, 0
    with ServiceProcess(home, "--workers", "2") as service:
        [leader] = children_of(service.process.pid)
        with shoppers(service, 6) as seen:
            for _ in range(kills):
                until(lambda: len(children_of(leader)) == 2)
                so_far = seen.answered
                until(lambda so_far=so_far: seen.answered > so_far + 5)
                victim = random.choice(children_of(leader))
                os.kill(victim, signal.SIGSTOP)  # so that it takes no more while it is looked at
                held += connections_of(victim)
                os.kill(victim, signal.SIGKILL)
                until(lambda victim=victim: victim not in children_of(leader))
            until(lambda: len(children_of(leader)) == 2)
            so_far = seen.answered
            until(lambda: seen.answered > so_far + 20)
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            assert samples(client)[("nitamono_worker_restarts_total",)] == kills
    assert seen.wrong == []
    assert seen.broken <= held


def test_a_service_whose_workers_all_die_is_back_at_once(home: Path) -> None:
    with ServiceProcess(home, "--workers", "2") as service:
        [leader] = children_of(service.process.pid)
        for _ in range(12):  # by now each place would stay empty for many seconds
            until(lambda: children_of(leader), 5)
            victims = children_of(leader)
            for victim in victims:
                os.kill(victim, signal.SIGKILL)
            until(lambda victims=victims: not {*victims} & {*children_of(leader)})
        until(lambda: httpx.get(service.address + SIMILAR, trust_env=False).status_code == 200, 5)


def test_a_lost_folder_of_bundles_is_survived(home: Path) -> None:
    with ServiceProcess(home, "--workers", "2", poll_seconds=0.1) as service:
        [leader] = children_of(service.process.pid)
        victim = children_of(leader)[0]
        (home / "bundles").rename(home / "elsewhere")
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            until(lambda: client.get("/readyz").json()["refused"])
            state = client.get("/readyz").json()
            assert (state["ready"], state["bundle"]) == (True, "shop-1")
            assert "CURRENT" in state["refused"]["reason"]
            assert samples(client)[("nitamono_bundle_refused",)] == 1
        shutil.rmtree(home / "elsewhere")
        os.kill(victim, signal.SIGKILL)  # who takes its place has not opened a file
        until(lambda: len(set(children_of(leader)) - {victim}) == 2)
        for _ in range(20):  # each time another of the two may answer
            answer = httpx.get(service.address + SIMILAR, trust_env=False)
            assert len(answer.json()["hits"]) == 12
        build_shop(home, "shop-2")
        service.until_serving("shop-2")
        ready = httpx.get(service.address + "/readyz", trust_env=False).json()
        assert ready["refused"] is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_survived(home: Path, tmp_path: Path) -> None:
    """Not one byte can be written, neither to a file nor to the log."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    command = [str(NITAMONO), "serve", "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with Path("/dev/full").open("wb") as full:
        process = subprocess.Popen(
            ["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", *command],
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                "NITAMONO_HOME": str(home),
                "NITAMONO_SERVING_POLL_SECONDS": "0.1",
                "NITAMONO_SERVING_ACCESS_LOG": "true",
            },
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=full,
        )

    def bundle() -> str | None:
        try:
            answer = httpx.get(address + SIMILAR, trust_env=False)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["bundle"])
        except httpx.TransportError:
            return None

    try:
        until(lambda: bundle() == "shop-1")
        event = {"type": "view", "query_id": "0" * 32, "item_id": PLAIN, "bundle": "shop-1"}
        httpx.post(f"{address}/v1/events", json={"events": [event]}, trust_env=False)
        build_shop(home, "shop-2")
        until(lambda: len(children_of(process.pid)) == 1 and bundle() == "shop-2")
        [leader] = children_of(process.pid)
        [victim] = children_of(leader)
        os.kill(victim, signal.SIGKILL)
        until(lambda: bundle() == "shop-2")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)


def test_slow_heads_are_ended_and_in_nobodys_way(home: Path) -> None:
    with ServiceProcess(home, head_seconds=1) as service:
        slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(300)]
        for number, connection in enumerate(slow):
            connection.settimeout(20)
            if number % 3:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert httpx.get(service.address + SIMILAR, trust_env=False).status_code == 200
        ends = [connection.recv(1000) for connection in slow]
        for number, end in enumerate(ends):
            assert end.startswith(b"HTTP/1.1 408" if number % 3 else b"")
        for connection in slow:
            connection.close()


def test_a_bundle_whose_gate_is_gone_is_refused_while_another_is_served(home: Path) -> None:
    with ServiceProcess(home, poll_seconds=0.1) as service:
        folder = build_shop(home, "shop-2", without=SLASHED)
        service.until_serving("shop-2")
        BundleRegistry(home / "bundles").publish("shop-1")
        until(lambda: service.said().count("serving bundle shop-1 ") == 2)
        (folder / "gate.json").unlink()
        (home / "bundles" / "CURRENT").write_text("shop-2\n")
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            until(lambda: client.get("/readyz").json()["refused"])
            assert "gate.json" in client.get("/readyz").json()["refused"]["reason"]
            assert client.get(SIMILAR).json()["bundle"] == "shop-1"
            assert samples(client)[("nitamono_bundle_refused",)] == 1
