"""Photos are answered, whatever is sent; and whatever reads them, look-ups go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feature_store.bundle import BundleRegistry
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.photo.small_models import LARGE, SMALL
from tests.feature_store.photo.uploads import broken, honest
from tests.serving.photo_shop import build_photo_shop, photo_processes
from tests.serving.service_process import ServiceProcess, until
from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.test_openapi import validate

PATH = "/v1/search/image"
PHOTO = encode(quarters(300, 300), "PNG")
MOST_BYTES = 1_000_000
STATUS = {"not_an_image": 415, "too_large": 413, "corrupt": 422, "too_small": 422}


@pytest.fixture(scope="module")
def photo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("photo-shop")
    build_photo_shop(home)
    return home


@pytest.fixture(scope="module")
def service(photo_home: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(photo_home, "--workers", "2", photo_max_bytes=MOST_BYTES) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with connected(service) as client:
        yield client


def connected(service: ServiceProcess) -> httpx.Client:
    return httpx.Client(base_url=service.address, timeout=60, trust_env=False)


def send(
    client: httpx.Client, photo: bytes = PHOTO, query: str = "", kind: str = "image/png"
) -> httpx.Response:
    return client.post(f"{PATH}?{query}", content=photo, headers={"Content-Type": kind})


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:nitamono:problem:{kind}"
    return body


def test_products_and_their_look_alikes_are_found(client: httpx.Client) -> None:
    answer = send(client, query="limit=5")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["width_px"], body["height_px"]) == (300, 300)
    assert body["bundle"] == "shop-1"
    assert [region["kind"] for region in body["regions"]] == ["product", "product", "whole"]
    assert body["regions"][0]["box"] == pytest.approx(LARGE, abs=1e-3)
    assert body["regions"][1]["box"] == pytest.approx(SMALL, abs=1e-3)
    for region in body["regions"]:
        assert len(region["hits"]) == 5
        scores = [hit["score"] for hit in region["hits"]]
        assert scores == sorted(scores, reverse=True)
        assert len({hit["item_id"] for hit in region["hits"]}) == 5
    assert {"read", "search", "write", "total"} <= {
        stage.strip().split(";")[0] for stage in answer.headers["server-timing"].split(",")
    }


def test_the_hits_are_those_of_the_same_vector(client: httpx.Client) -> None:
    """Sent as a vector, what the models make of the photo finds the same items."""
    import numpy as np

    from feature_store.photo.crops import crop, squash
    from feature_store.photo.decode import decode
    from feature_store.photo.limits import PhotoLimits
    from feature_store.schemas import Box
    from tests.serving.shop_bundle import DIM

    region = send(client).json()["regions"][0]
    pixels = decode(PHOTO, PhotoLimits()).pixels
    colour = squash(crop(pixels, Box(*region["box"])), 32).reshape(-1, 3).mean(axis=0) / 255
    matrix = np.random.default_rng(0).normal(size=(3, DIM))
    query = {"queries": [{"vector": (colour @ matrix).tolist()}]}
    (expected,) = client.post("/v1/search", json=query).json()["answers"]
    found = {hit["item_id"]: hit["score"] for hit in region["hits"]}
    same = {hit["item_id"]: hit["score"] for hit in expected["hits"]}
    assert found == pytest.approx(same, abs=0.5)


def test_rules_hold_in_every_region(client: httpx.Client) -> None:
    body = send(client, query="filter=category:shoes&limit=3&offset=1&threshold=0").json()
    first = send(client, query="filter=category:shoes&limit=4").json()
    for region, whole in zip(body["regions"], first["regions"], strict=True):
        assert {hit["category"] for hit in region["hits"]} == {"shoes"}
        assert region["hits"] == whole["hits"][1:]


@pytest.mark.parametrize("query", ["limit=0", "region=0123456789abcdef", "filter=nothing:3", "x=1"])
def test_parameters_that_cannot_be_are_refused(client: httpx.Client, query: str) -> None:
    problem(send(client, query=query), 400, "bad-parameter")


@pytest.mark.parametrize("name", honest())
def test_every_kind_of_photo_is_answered(client: httpx.Client, name: str) -> None:
    kind = "image/webp" if name == "webp" else "image/jpeg"
    answer = send(client, honest()[name], kind=kind)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["width_px"], answer.json()["height_px"]) == (64, 40)


@pytest.mark.parametrize("name", broken())
def test_broken_uploads_are_refused(client: httpx.Client, name: str) -> None:
    data, reason = broken()[name]
    answer = send(client, data)
    assert answer.status_code == STATUS[reason], answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(["jpeg", "progressive", "png", "webp", "palette", "16 bit"]),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.none() | st.integers(0, 600),
)
def test_no_change_of_a_photo_is_more_than_a_4xx(
    client: httpx.Client, name: str, changes: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray(honest()[name])
    for place, value in changes:
        data[place % len(data)] = value
    answer = send(client, bytes(data[:cut]))
    assert answer.status_code in (200, 413, 415, 422), answer.text


def test_bodies_are_bounded_in_size_and_kind(client: httpx.Client) -> None:
    problem(send(client, bytes(MOST_BYTES + 1)), 413, "body-too-long")
    problem(send(client, kind="image/gif"), 415, "unsupported-media-type")
    problem(send(client, kind="multipart/form-data"), 415, "unsupported-media-type")
    assert client.get(PATH).status_code == 405


def test_none_of_it_cost_a_process_or_much_memory(
    service: ServiceProcess, client: httpx.Client
) -> None:
    before = photo_processes(service)
    grown = {}
    for process in before:
        grown[process] = _kilobytes(process, "VmHWM")
    for data, _ in broken().values():
        send(client, data)
    assert photo_processes(service) == before
    for process, kilobytes in grown.items():
        assert _kilobytes(process, "VmHWM") - kilobytes < 64 * 1024
    assert "Traceback" not in service.said()


def _kilobytes(process: int, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith(name)).split()[1])


def test_answers_are_as_described(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    described = document["paths"][PATH]["post"]
    for answer in (send(client), send(client, b"text"), send(client, query="limit=0")):
        validate(answer, document, described)
    assert client.get("/v1/bundle").json()["capabilities"]["photo"] is True


def test_photos_wait_in_a_queue_and_the_rest_are_told_to_come_back(photo_home: Path) -> None:
    """A process that is stopped reads nothing, so that what waits stays countable."""
    queue = 2
    with (
        ServiceProcess(photo_home, photo_queue=queue, photo_seconds=60) as service,
        connected(service) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        (reading,) = photo_processes(service)
        os.kill(reading, signal.SIGSTOP)
        asked = [pool.submit(send, client) for _ in range(8)]
        refused = _answered(asked, len(asked) - queue)
        for answer in refused:
            busy = problem(answer, 503, "busy")
            assert answer.headers["retry-after"] == str(busy["retry_after_seconds"])
        # Look-ups have their own processes, which nothing of this keeps waiting.
        assert client.get(f"/v1/items/{PLAIN}/similar").status_code == 200
        assert "photos_waiting 2" in client.get("/metrics").text
        os.kill(reading, signal.SIGCONT)
        answered = [each.result() for each in asked]
        assert sorted(answer.status_code for answer in answered) == [200] * queue + [503] * 6


def _answered(asked: list[Future[httpx.Response]], count: int) -> list[httpx.Response]:
    until(lambda: sum(each.done() for each in asked) >= count)
    return [each.result() for each in asked if each.done()]


def test_a_process_that_dies_at_a_photo_costs_that_photo_alone(photo_home: Path) -> None:
    """It is killed while it decodes a large one, which takes it long enough to be caught at it."""
    large = encode(quarters(4900, 4900), "PNG")
    statuses = set()
    with (
        ServiceProcess(photo_home, photo_seconds=60) as service,
        connected(service) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        for _ in range(10):
            until(lambda: len(photo_processes(service)) == 1)
            (reading,) = photo_processes(service)
            asked = pool.submit(send, client, large)
            until(lambda one=asked: one.done() or "photos_running 1" in client.get("/metrics").text)
            os.kill(reading, signal.SIGKILL)
            statuses.add(asked.result().status_code)
            assert send(client).status_code == 200
            if 503 in statuses:
                break
    assert 503 in statuses
    assert statuses <= {200, 503}


def test_a_photo_that_waits_outlives_the_process_it_waited_for(photo_home: Path) -> None:
    with (
        ServiceProcess(photo_home, photo_seconds=60) as service,
        connected(service) as client,
        ThreadPoolExecutor(2) as pool,
    ):
        (reading,) = photo_processes(service)
        os.kill(reading, signal.SIGSTOP)
        lost = pool.submit(send, client)
        until(lambda: "photos_waiting 1" in client.get("/metrics").text)
        os.kill(reading, signal.SIGKILL)
        # What had not begun waits for the process that takes the other's place.
        assert lost.result().status_code == 200
        until(lambda: photo_processes(service) not in ([], [reading]))
        assert send(client).status_code == 200
        assert "photo_process_ended" in service.said()


def test_what_takes_too_long_is_given_up_and_ended(photo_home: Path) -> None:
    with ServiceProcess(photo_home, photo_seconds=0.5) as service, connected(service) as client:
        (reading,) = photo_processes(service)
        os.kill(reading, signal.SIGSTOP)
        problem(send(client), 503, "busy")
        os.kill(reading, signal.SIGCONT)
        until(lambda: send(client).status_code == 200)


def test_a_photo_of_more_memory_than_it_may_take_is_refused(photo_home: Path) -> None:
    """Within the limit of pixels, and beyond that of memory."""
    large = encode(quarters(5000, 5000).convert("RGBA"), "PNG")
    with ServiceProcess(photo_home, photo_memory_mb=64) as service, connected(service) as client:
        problem(send(client, large), 413, "bad-photo")
        until(lambda: send(client).status_code == 200)


def test_without_models_or_by_setting_photos_are_not_offered(
    photo_home: Path, tmp_path: Path
) -> None:
    build_shop(tmp_path)
    for home, workers in ((tmp_path, 1), (photo_home, 0)):
        with (
            ServiceProcess(home, photo_workers=workers) as service,
            connected(service) as client,
        ):
            problem(send(client), 404, "not-offered")
            assert client.get("/v1/bundle").json()["capabilities"]["photo"] is False


def test_models_that_cannot_be_run_cost_photos_alone(tmp_path: Path) -> None:
    from tests.serving.photo_shop import carry_small

    def damaged(folder: Path) -> None:
        carry_small(folder)
        (folder / "models" / "detector.onnx").write_bytes(b"no model")

    build_shop(tmp_path, carry=damaged)
    with ServiceProcess(tmp_path) as service, connected(service) as client:
        problem(send(client), 404, "not-offered")
        assert client.get(f"/v1/items/{PLAIN}/similar").status_code == 200
        assert "not a usable ONNX model" in service.said()


def test_a_canary_answers_its_share_of_photos_with_its_own_models(tmp_path: Path) -> None:
    build_photo_shop(tmp_path, "shop-1")
    build_photo_shop(tmp_path, "shop-2")
    BundleRegistry(tmp_path / "bundles").canary("shop-1", 0.5)
    photos = [encode(quarters(40 + number, 40), "PNG") for number in range(24)]
    with ServiceProcess(tmp_path) as service, connected(service) as client:
        asked = [send(client, photo).json()["bundle"] for photo in photos]
        assert {"shop-1", "shop-2"} == set(asked)
        assert [send(client, photo).json()["bundle"] for photo in photos] == asked


def test_nothing_is_left_when_the_service_ends_and_when_it_is_killed(photo_home: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with ServiceProcess(photo_home) as service:
            (reading,) = photo_processes(service)
            service.stop(number)
            until(lambda gone=reading: not _alive(gone))


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_swap_of_bundles_swaps_the_models(tmp_path: Path) -> None:
    build_photo_shop(tmp_path, "shop-1")
    with ServiceProcess(tmp_path, poll_seconds=0.05) as service, connected(service) as client:
        assert send(client).json()["bundle"] == "shop-1"
        build_photo_shop(tmp_path, "shop-2", without=PLAIN)
        deadline = time.monotonic() + 60
        while send(client).json().get("bundle") != "shop-2":
            assert time.monotonic() < deadline
