"""Objects in a real emulator; what it never does, a server of our own does badly on purpose."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_store.errors import StorageError
from feature_store.storage import Bucket, Timing, crc32c_of, objects
from tests.feature_store.storage.flaky_bucket import Handler, serving

SHORT = Timing(connect_seconds=2, read_seconds=0.3, retry_seconds=0.1, total_seconds=1)
LIMIT = 1 << 20


# Google's library leaves the answers of failed attempts to the collector, unread and unclosed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture
def shop(bucket: str) -> Bucket:
    return Bucket(bucket)


def reason_of(call: object, *arguments: object, **named: object) -> str:
    assert callable(call)
    with pytest.raises(StorageError) as failed:
        call(*arguments, **named)
    return failed.value.reason


@pytest.mark.parametrize(
    "name",
    [
        *("a.jpg", "a b", "似たもの/🧦'\".jpg", "a/../b", "a#b?c=d&e", "%2e%2e", "a+b", "a//b"),
        *("/first", "last/", "a\\b", "~*[x]", "a\tb", "\u202eright-to-left"),
    ],
)
def test_whatever_an_object_is_called_it_is_that_one(shop: Bucket, name: str) -> None:
    generation = shop.write(name, name.encode(), if_generation=0)
    assert shop.read(name, LIMIT) == (name.encode(), generation)
    about = shop.about(name)
    assert (about.name, about.generation, about.size_bytes) == (
        name,
        generation,
        len(name.encode()),
    )
    assert [one.name for one in shop.list()] == [name]
    shop.delete(name)
    assert list(shop.list()) == []


def test_only_the_expected_generation_is_replaced(shop: Bucket, tmp_path: Path) -> None:
    first = shop.write("a", b"1", if_generation=0)
    assert reason_of(shop.write, "a", b"2", if_generation=0) == "changed"
    second = shop.write("a", b"2", if_generation=first)
    assert second != first
    file = tmp_path / "file"
    file.write_bytes(b"3")
    assert reason_of(shop.upload, "a", file, if_generation=first) == "changed"
    assert shop.read("a", LIMIT) == (b"2", second)


def test_of_many_writers_at_one_generation_one_wins(shop: Bucket) -> None:
    start = threading.Barrier(8)
    told: list[str] = []

    def write(number: int) -> None:
        start.wait()
        try:
            shop.write("CURRENT", b"%d" % number, if_generation=0)
            told.append("won")
        except StorageError as error:
            told.append(error.reason)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["changed"] * 7 + ["won"]


def test_files_of_several_pieces_arrive_whole(
    shop: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feature_store.storage.objects.CHUNK_BYTES", 4 * 2**20)
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(os.urandom(9 * 2**20 + 7))  # above 8 MiB the library sends pieces
    generation = shop.upload("big", sent, if_generation=0)
    assert shop.about("big").crc32c == crc32c_of(sent)
    assert shop.download("big", received, 10 * 2**20) == generation
    assert received.read_bytes() == sent.read_bytes()
    # Whether the generation is the expected one the emulator checks for small objects only.


def test_what_is_not_there_is_missing(shop: Bucket, gcs: str) -> None:
    assert reason_of(shop.about, "a") == "missing"
    assert reason_of(shop.read, "a", LIMIT) == "missing"
    assert reason_of(Bucket("no-such-bucket").read, "a", LIMIT) == "missing"
    shop.delete("a")


def test_more_bytes_than_allowed_are_refused(shop: Bucket, tmp_path: Path) -> None:
    shop.write("a", b"x" * 1000, if_generation=0)
    assert len(shop.read("a", 1000)[0]) == 1000
    assert reason_of(shop.read, "a", 999) == "too_large"
    assert reason_of(shop.download, "a", tmp_path / "a", 999) == "too_large"


def test_a_list_is_of_one_prefix(shop: Bucket) -> None:
    for name in ("a/2", "a/1", "ab", "b/1"):
        shop.write(name, b"", if_generation=0)
    assert [one.name for one in shop.list("a/")] == ["a/1", "a/2"]


def test_a_fork_does_not_share_its_parents_connections(shop: Bucket) -> None:
    shop.write("a", b"1", if_generation=0)
    parents = objects._client()
    assert objects._client() is parents
    child = os.fork()
    if not child:
        own = objects._client() is not parents
        os._exit(0 if own and shop.read("a", LIMIT)[0] == b"1" else 1)
    assert shop.read("a", LIMIT)[0] == b"1"
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        *((401, "denied"), (403, "denied"), (404, "missing"), (412, "changed")),
        *((400, "unreachable"), (429, "unreachable"), (500, "unreachable"), (503, "unreachable")),
    ],
)
def test_a_refusal_is_told_by_its_reason(
    status: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Handler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with serving(refuse) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        shop = Bucket("shop", SHORT)
        assert reason_of(shop.about, "a") == reason
        assert reason_of(shop.read, "a", LIMIT) == reason
        assert reason_of(lambda: list(shop.list())) == reason
        assert reason_of(shop.write, "a", b"", if_generation=0) == reason


def test_a_failure_that_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def stumble(request: Handler) -> None:
        asked.append(request.path)
        request.send_response(503 if len(asked) == 1 else 200)
        request.send_header("X-Goog-Generation", "7")
        request.send_header("Content-Length", "2")
        request.end_headers()
        request.wfile.write(b"ok")

    with serving(stumble) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert Bucket("shop", Timing(retry_seconds=20)).read("a", LIMIT) == (b"ok", 7)
    assert len(asked) == 2


def test_silence_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def be_silent(request: Handler) -> None:
        done.wait(20)

    with serving(be_silent) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        try:
            assert reason_of(Bucket("shop", SHORT).about, "a") == "timed_out"
            assert reason_of(Bucket("shop", SHORT).read, "a", LIMIT) == "timed_out"
        finally:
            done.set()


def test_a_body_that_never_ends_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(request: Handler) -> None:
        request.send_response(200)
        request.send_header("X-Goog-Generation", "7")
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 9000)
                time.sleep(0.05)
        except OSError:
            return

    with serving(trickle) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert reason_of(Bucket("shop", SHORT).read, "a", 1 << 30) == "timed_out"
        assert reason_of(Bucket("shop", SHORT).read, "a", 20_000) == "too_large"


def test_a_body_that_breaks_off_is_no_object(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(request: Handler) -> None:
        request.send_response(200)
        request.send_header("X-Goog-Generation", "7")
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"x" * 50)
        request.close_connection = True

    with serving(break_off) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert reason_of(Bucket("shop", SHORT).read, "a", LIMIT) == "unreachable"


def test_swapped_bytes_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(request: Handler) -> None:
        request.send_response(200)
        request.send_header("X-Goog-Generation", "7")
        request.send_header("X-Goog-Hash", "crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg==")
        request.send_header("Content-Length", "3")
        request.end_headers()
        request.wfile.write(b"bad")

    with serving(swap) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert reason_of(Bucket("shop", SHORT).read, "a", LIMIT) == "unreachable"


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    assert reason_of(Bucket("shop", SHORT).about, "a") == "unreachable"


def test_without_credentials_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(StorageError, match="GOOGLE_APPLICATION_CREDENTIALS") as failed:
        Bucket("shop", SHORT).about("a")
    assert failed.value.reason == "denied"


def test_googles_library_is_imported_only_when_a_bucket_is_asked() -> None:
    code = (
        "import sys, feature_store.storage, feature_store.bundle, serving.supervisor;"
        "assert not [name for name in sys.modules if name.startswith('google')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
