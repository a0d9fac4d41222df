"""A real service whose bundles are in a bucket: mirrors, swaps, refuses, outlives outages."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.settings import ServingSettings
from tests.serving.bucket_shop import BucketShop, ask, counted, refused, state
from tests.serving.service_process import ROOT, children_of, until
from tests.serving.shop_bundle import PLAIN, SLASHED

PYTHON = ROOT / ".venv" / "serving" / "bin" / "python"


@pytest.fixture
def shop(bucket: str, tmp_path: Path) -> BucketShop:
    return BucketShop(bucket, tmp_path)


def test_a_bundle_in_a_bucket_is_served_and_the_next_one_taken_up(shop: BucketShop) -> None:
    shop.publish("shop-1")
    with shop.serve() as service:
        assert len(ask(service).json()["hits"]) == 12
        assert ask(service, "/v1/items/dresses-03").status_code == 200
        shop.publish("shop-2", without="dresses-03")
        service.until_serving("shop-2")
        until(lambda: ask(service, "/v1/items/dresses-03").status_code == 404)
        shop.registry.rollback()
        until(lambda: service.said().count("serving bundle shop-1 ") == 2)
        assert state(service)["refused"] is None
        assert counted(service, "nitamono_bundle_swaps_total") == 2
        assert service.stop() == 0
    assert {"CURRENT", "shop-1", "shop-2"} <= shop.mirrored


def test_a_damaged_bundle_is_refused_and_the_older_one_stays(shop: BucketShop) -> None:
    shop.publish("shop-1")
    shop.publish("shop-2", without=SLASHED)
    shop.registry.rollback()
    shop.damage("shop-2/vectors.npy")
    with shop.serve() as service:
        shop.point_at("shop-2")
        said = refused(service)
        assert said["bundle"] == "shop-2"
        assert "vectors.npy" in said["reason"]
        assert "vectors.npy" in service.said()
        assert state(service)["bundle"] == "shop-1"
        assert state(service)["ready"] is True
        assert counted(service, "nitamono_bundle_refused") == 1
        assert counted(service, "nitamono_bundle_refusals_total") == 1
        assert ask(service, f"/v1/items/{PLAIN}").status_code == 200
        assert "shop-2" not in shop.mirrored
        # Published once more as it should be, it is taken at once, before the time to try again.
        for entry in shop.bucket.list("bundles/shop-2/"):
            shop.bucket.delete(entry.name)
        shop.publish("shop-2")
        service.until_serving("shop-2")
        until(lambda: state(service)["refused"] is None)


@pytest.mark.parametrize("named", ["nothing-like-this", "../shop-1", "\0", "[]", '{"flips": 1}'])
def test_a_vanished_or_nonsensical_bundle_leaves_the_old_one(shop: BucketShop, named: str) -> None:
    shop.publish("shop-1")
    with shop.serve() as service:
        shop.point_at(named)
        assert refused(service)["bundle"] == named
        assert ask(service).status_code == 200
        shop.point_at("shop-1")
        until(lambda: state(service)["refused"] is None)


def test_a_pointer_that_vanished_leaves_the_bundle(shop: BucketShop) -> None:
    shop.publish("shop-1")
    with shop.serve() as service:
        shop.bucket.delete("bundles/CURRENT")
        assert "nothing has been published" in refused(service)["reason"]
        assert state(service)["bundle"] == "shop-1"


class Line:
    """The line between the service and the bucket, which can be cut and mended."""

    def __init__(self, server: str) -> None:
        host, port = server.removeprefix("http://").split(":")
        self._server = (host, int(port))
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self.cut:
                near.close()
                continue
            far = socket.create_connection(self._server)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()

    def set_cut(self, cut: bool) -> None:
        self.cut = cut
        if cut:
            for end in self._open:
                end.close()
            self._open.clear()

    def close(self) -> None:
        self.set_cut(True)
        self._door.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def line_to(server: str) -> Iterator[Line]:
    line = Line(server)
    try:
        yield line
    finally:
        line.close()


def test_an_outage_is_visible_and_survived_also_across_a_restart(
    shop: BucketShop, gcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish("shop-1")
    with line_to(gcs) as line:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", line.address)
        with shop.serve() as service:
            line.set_cut(True)
            said = refused(service)
            assert said["bundle"] is None
            assert "CURRENT cannot be read" in said["reason"]
            assert ask(service).status_code == 200
            service.stop(signal.SIGKILL)
        with shop.serve() as service:  # what was mirrored before is served without the bucket
            assert state(service)["bundle"] == "shop-1"
            assert "CURRENT cannot be read" in refused(service)["reason"]
            line.set_cut(False)
            until(lambda: state(service)["refused"] is None)
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs)
            shop.publish("shop-2")
            service.until_serving("shop-2")


def test_a_dead_mirror_is_replaced(shop: BucketShop) -> None:
    shop.publish("shop-1")
    with shop.serve() as service:
        before = children_of(service.process.pid)
        assert len(before) == 2
        mirror = min(before)  # it was there before the leader
        os.kill(mirror, signal.SIGKILL)
        until(lambda: "the mirroring process died" in service.said())
        shop.publish("shop-2")
        service.until_serving("shop-2")
        assert ask(service).status_code == 200


def test_all_processes_end_with_the_service(shop: BucketShop) -> None:
    shop.publish("shop-1")
    with shop.serve() as service:
        family = children_of(service.process.pid)
        assert service.stop() == 0
        assert not [process for process in family if Path(f"/proc/{process}").exists()]
    with shop.serve() as service:
        family = children_of(service.process.pid)
        service.stop(signal.SIGKILL)
        until(lambda: not [one for one in family if Path(f"/proc/{one}").exists()])


def test_a_mirror_that_was_damaged_is_mended_at_the_start(shop: BucketShop) -> None:
    shop.publish("shop-1")
    with shop.serve():
        pass
    [vectors] = shop.mirror.glob("*/shop-1/vectors.npy")
    good = vectors.read_bytes()
    vectors.write_bytes(b"damaged")
    with shop.serve() as service:
        assert ask(service).status_code == 200
    assert vectors.read_bytes() == good


def test_old_bundles_leave_the_mirror(shop: BucketShop) -> None:
    with_three = ("shop-1", "shop-2", "shop-3")
    shop.publish(with_three[0])
    with shop.serve() as service:
        for name in with_three[1:]:
            shop.publish(name)
            service.until_serving(name)
        # The oldest goes with the next one, when nobody has it open any more.
        until(lambda: len(children_of(service.process.pid)) == 2)
        shop.publish("shop-4")
        service.until_serving("shop-4")
        until(lambda: "shop-1" not in shop.mirrored)
        assert {"shop-3", "shop-4"} <= shop.mirrored


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("gs://nobodys-bucket/bundles", "nothing has been published in gs://nobodys-bucket"),
        ("gs://No Bucket", "names no possible bucket"),
    ],
)
def test_a_service_without_any_bundle_says_so_and_ends(
    shop: BucketShop, location: str, said: str
) -> None:
    service = shop.serve(bundles=location)
    assert service.wait() == 1
    assert said in " ".join(service.said().split())


def test_a_bad_bundle_at_the_start_is_one_clear_error(shop: BucketShop) -> None:
    shop.publish("shop-1")
    shop.damage("shop-1/items.arrow")
    service = shop.serve()
    assert service.wait() == 1
    assert "items.arrow" in " ".join(service.said().split())
    assert "Traceback" not in service.said()


def test_the_pipelines_setting_is_the_services_default() -> None:
    environment = {"NITAMONO_HOME": "/shop", "NITAMONO_BUNDLES": "gs://shop/bundles"}
    settings = ServingSettings.from_environment(environment)
    assert (settings.bundles, settings.is_remote) == ("gs://shop/bundles", True)
    own = ServingSettings.from_environment({**environment, "NITAMONO_SERVING_BUNDLES": "here"})
    assert (own.folder, own.is_remote) == (Path("here"), False)


def test_each_place_has_a_mirror_of_its_own() -> None:
    folders = {
        ServingSettings(bundles=f"gs://{place}", mirror=Path("/cache")).folder
        for place in ("shop-a", "shop-b", "shop-a/x", "shop-a/x/y")
    }
    assert len(folders) == 4
    assert {folder.parent for folder in folders} == {Path("/cache")}
    same = ServingSettings(bundles="GS://shop-a/x/", mirror=Path("/cache")).folder
    assert same in folders
