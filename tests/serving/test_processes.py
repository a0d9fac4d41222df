"""The processes behind the door: a new bundle, a broken one, deaths, and a quiet end."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from feature_store.bundle import BundleRegistry
from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, SLASHED, build_shop
from tests.serving.test_state import samples


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_shop(tmp_path)
    return tmp_path


def ask(service: ServiceProcess, path: str = f"/v1/items/{PLAIN}/similar") -> httpx.Response:
    return httpx.get(service.address + path, trust_env=False, timeout=10)


def served(service: ServiceProcess) -> str:
    return ask(service, "/readyz").json()["bundle"]


@contextmanager
def shoppers(service: ServiceProcess, count: int = 3, bundles: int = 2) -> Iterator[list[str]]:
    """Ask without pause, over kept-alive connections, while the block runs; gather what failed.

    They must have seen so many bundles in the end.
    """
    failures: list[str] = []
    seen: set[str] = set()
    going = threading.Event()
    going.set()

    def shop() -> None:
        with httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client:
            while going.is_set():
                try:
                    answer = client.get(f"/v1/items/{PLAIN}/similar")
                except httpx.HTTPError as error:
                    failures.append(repr(error))
                    continue
                if answer.status_code != 200 or len(answer.json()["hits"]) != 12:
                    failures.append(answer.text)
                seen.add(answer.json()["bundle"])

    threads = [threading.Thread(target=shop) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        going.clear()
        for thread in threads:
            thread.join()
    assert len(seen) >= bundles, "the shoppers never saw the other bundle"


def test_a_new_bundle_is_taken_up_without_a_failed_request(home: Path) -> None:
    with ServiceProcess(home, "--workers", "2", poll_seconds=0.1) as service:
        assert ask(service, "/v1/items/dresses-03").status_code == 200
        with shoppers(service) as failures:
            build_shop(home, "shop-2", without="dresses-03")
            service.until_serving("shop-2")
            BundleRegistry(home / "bundles").rollback()
            until(lambda: service.said().count("serving bundle shop-1 ") == 2)
            BundleRegistry(home / "bundles").publish("shop-2")
            until(lambda: service.said().count("serving bundle shop-2 ") == 2)
        assert failures == []
        # For a moment the old workers still answer beside the new ones.
        until(lambda: len(children_of(service.process.pid)) == 1)
        assert served(service) == "shop-2"
        assert ask(service, "/v1/items/dresses-03").status_code == 404
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            counted = samples(client)
        assert counted[("nitamono_bundle_swaps_total",)] == 3
        assert counted[("nitamono_worker_restarts_total",)] == 0


def test_the_processes_of_an_old_bundle_leave(home: Path) -> None:
    with ServiceProcess(home, poll_seconds=0.1) as service:
        [before] = children_of(service.process.pid)
        build_shop(home, "shop-2", without=SLASHED)
        service.until_serving("shop-2")
        until(lambda: before not in children_of(service.process.pid))
        assert len(children_of(service.process.pid)) == 1


def test_a_damaged_bundle_is_refused_and_the_older_one_stays(home: Path) -> None:
    folder = build_shop(home, "shop-2", without=SLASHED)
    BundleRegistry(home / "bundles").rollback()
    with (folder / "vectors.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"damaged")
    with ServiceProcess(home, poll_seconds=0.1) as service:
        # Damage after publishing: the registry itself would not publish this.
        (home / "bundles" / "CURRENT").write_text("shop-2\n")
        until(lambda: ask(service, "/readyz").json()["refused"])
        state = ask(service, "/readyz").json()
        assert state["ready"] is True
        assert state["bundle"] == "shop-1"
        assert state["refused"]["bundle"] == "shop-2"
        assert "vectors.npy" in state["refused"]["reason"]
        assert "vectors.npy" in service.said()
        assert ask(service).status_code == 200
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            assert samples(client)[("nitamono_bundle_refused",)] == 1
            assert samples(client)[("nitamono_bundle_refusals_total",)] == 1
        BundleRegistry(home / "bundles").publish("shop-1")
        until(lambda: ask(service, "/readyz").json()["refused"] is None)
        build_shop(home, "shop-3", without=SLASHED)
        service.until_serving("shop-3")
        assert ask(service, "/readyz").json()["refused"] is None


def test_nonsense_in_current_leaves_the_service_as_it_is(home: Path) -> None:
    with ServiceProcess(home, poll_seconds=0.1) as service:
        for named in (b"nothing-like-this", b"../shop-1", b"\x00", b"\xff\xfe"):
            (home / "bundles" / "CURRENT").write_bytes(b"shop-1")
            until(lambda: ask(service, "/readyz").json()["refused"] is None)
            (home / "bundles" / "CURRENT").write_bytes(named)
            until(lambda: ask(service, "/readyz").json()["refused"])
            assert ask(service).status_code == 200
        (home / "bundles" / "CURRENT").write_bytes(b"")
        build_shop(home, "shop-2")
        service.until_serving("shop-2")


def test_a_dead_worker_is_replaced(home: Path) -> None:
    with ServiceProcess(home, "--workers", "2") as service:
        [leader] = children_of(service.process.pid)
        before = set(children_of(leader))
        assert len(before) == 2
        victim = before.pop()
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(children_of(leader)) - {victim}) == 2)
        assert ask(service).status_code == 200
        with httpx.Client(base_url=service.address, trust_env=False) as client:
            assert samples(client)[("nitamono_worker_restarts_total",)] == 1


def test_a_dead_leader_is_replaced_and_its_workers_go(home: Path) -> None:
    with ServiceProcess(home) as service:
        [leader] = children_of(service.process.pid)
        [worker] = children_of(leader)
        os.kill(leader, signal.SIGKILL)
        until(lambda: service.said().count("serving bundle") == 2)
        until(lambda: not Path(f"/proc/{worker}").exists())
        assert ask(service).status_code == 200


def test_nothing_outlives_the_service(home: Path) -> None:
    with ServiceProcess(home) as service:
        [leader] = children_of(service.process.pid)
        [worker] = children_of(leader)
        service.process.kill()
        assert service.wait() == -signal.SIGKILL
        until(lambda: not alive(leader) and not alive(worker))


def alive(process: int) -> bool:
    """Whether it runs; what has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_told_to(home: Path, number: int) -> None:
    with ServiceProcess(home, "--workers", "2") as service:
        [leader] = children_of(service.process.pid)
        workers = children_of(leader)
        assert service.stop(number) == 0
        assert not any(alive(process) for process in [leader, *workers])
        assert "Traceback" not in service.said()


def test_a_request_that_has_begun_is_answered_before_the_end(home: Path) -> None:
    with ServiceProcess(home, idle_seconds=30, drain_seconds=60) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
            connection.sendall(f"GET /v1/items/{PLAIN}/similar HTTP/1.1\r\n".encode())
            ask(service)  # by now the first connection has been accepted too
            service.process.send_signal(signal.SIGTERM)
            until(lambda: refused_now(service))
            connection.sendall(b"Host: shop\r\n\r\n")
            answered = b""
            while piece := connection.recv(65536):
                answered += piece
        assert answered.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answered
        assert service.wait() == 0


def refused_now(service: ServiceProcess) -> bool:
    """Whether new connections are refused."""
    try:
        socket.create_connection(("127.0.0.1", service.port), timeout=1).close()
    except ConnectionError:
        return True
    except TimeoutError:
        return False  # it was being closed at this very moment
    return False
