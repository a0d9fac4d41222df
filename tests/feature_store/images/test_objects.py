"""Images in buckets, through the fetcher and the loader that the road uses."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from feature_store.errors import ImageError
from feature_store.images.fetch import Fetcher
from feature_store.images.loader import ImageLoader
from feature_store.images.settings import ImageSettings
from feature_store.images.source import Source
from feature_store.storage import Bucket
from tests.feature_store.storage.flaky_bucket import Handler, serving

SETTINGS = ImageSettings(
    connect_seconds=2, read_seconds=0.5, total_seconds=1, attempts=1, max_bytes=100_000
)

# Google's library leaves the answers of failed attempts to the collector, unread and unclosed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


def fetch(uri: str, known: str | None = None, settings: ImageSettings = SETTINGS) -> Source:
    fetcher = Fetcher(settings)
    try:
        return fetcher.fetch(uri, known)
    finally:
        fetcher.close()


def reason_of(uri: str, settings: ImageSettings = SETTINGS) -> str:
    with pytest.raises(ImageError) as failed:
        fetch(uri, settings=settings)
    return failed.value.reason


def photo() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(encoded, "JPEG")
    return encoded.getvalue()


def test_an_object_is_its_bytes_and_its_generation(bucket: str) -> None:
    generation = Bucket(bucket).write("a.jpg", b"photo", if_generation=0)
    assert fetch(f"gs://{bucket}/a.jpg") == Source(b"photo", f"generation:{generation}")


def test_what_is_unchanged_is_not_fetched(gcs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def forward(request: Handler) -> None:
        asked.append(request.path)
        answer = httpx.get(gcs + request.path, trust_env=False)
        request.send_response(answer.status_code)
        for name in ("X-Goog-Generation", "X-Goog-Hash", "Content-Type"):
            if name in answer.headers:
                request.send_header(name, answer.headers[name])
        request.send_header("Content-Length", str(len(answer.content)))
        request.end_headers()
        request.wfile.write(answer.content)

    name = httpx.post(f"{gcs}/storage/v1/b", json={"name": "unchanged"}, trust_env=False)
    assert name.is_success
    Bucket("unchanged").write("a.jpg", b"one", if_generation=0)
    with serving(forward) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        first = fetch("gs://unchanged/a.jpg")
        assert len(asked) == 1
        assert fetch("gs://unchanged/a.jpg", first.fingerprint) == Source(None, first.fingerprint)
        assert len(asked) == 2
        assert "alt=media" not in asked[1]
        # A fingerprint of another kind says nothing about an object.
        assert fetch("gs://unchanged/a.jpg", "etag:1").data == b"one"


def test_what_was_written_again_is_fetched_again(bucket: str) -> None:
    shop = Bucket(bucket)
    first = shop.write("a.jpg", b"one", if_generation=0)
    shop.write("a.jpg", b"two", if_generation=first)
    again = fetch(f"gs://{bucket}/a.jpg", f"generation:{first}")
    assert again.data == b"two"
    assert again.fingerprint != f"generation:{first}"


@pytest.mark.parametrize(
    "name", ["a b.jpg", "似たもの/🧦'\".jpg", "a/../b", "../../etc/passwd", "a#b?c=d", "%2e%2e/a"]
)
def test_hostile_names_are_names(bucket: str, name: str) -> None:
    Bucket(bucket).write(name, name.encode(), if_generation=0)
    assert fetch(f"gs://{bucket}/{name}").data == name.encode()


@pytest.mark.parametrize(
    "rest", ["", "/", "/..", "/.", "/a\nb", "/a\0", "/\ud800", "/" + "n" * 2048, "@evil.example/a"]
)
def test_impossible_addresses_are_refused_with_a_reason(bucket: str, rest: str) -> None:
    assert reason_of(f"gs://{bucket}{rest}") == "unreachable"


def test_what_is_not_there_is_missing(bucket: str) -> None:
    assert reason_of(f"gs://{bucket}/a.jpg") == "missing"
    assert reason_of("gs://nobodys-bucket/a.jpg") == "missing"


def test_too_many_bytes_are_too_large(bucket: str) -> None:
    small = replace(SETTINGS, max_bytes=4)
    generation = Bucket(bucket).write("a.jpg", b"12345", if_generation=0)
    assert reason_of(f"gs://{bucket}/a.jpg", small) == "too_large"
    with pytest.raises(ImageError, match="too_large"):
        fetch(f"gs://{bucket}/a.jpg", f"generation:{generation - 1}", small)


def test_only_allowed_buckets_are_asked(bucket: str) -> None:
    Bucket(bucket).write("a.jpg", b"photo", if_generation=0)
    assert fetch(f"gs://{bucket}/a.jpg", settings=replace(SETTINGS, allowed_buckets=(bucket,))).data
    others = replace(SETTINGS, allowed_buckets=("another", bucket[:-1]))
    assert reason_of(f"gs://{bucket}/a.jpg", others) == "blocked_host"


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "blocked_host"), (403, "blocked_host"), (500, "unreachable")]
)
def test_a_refusal_has_a_reason(status: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: Handler) -> None:
        request.send_error(status)

    with serving(refuse) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert reason_of("gs://shop/a.jpg") == reason


def test_an_image_has_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle(write: Callable[[bytes], int]) -> None:
        while True:
            write(b"x" * 100)

    def answer(request: Handler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            trickle(request.wfile.write)
        except OSError:
            return

    with serving(answer) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        endless = replace(SETTINGS, max_bytes=1 << 40)
        assert reason_of("gs://shop/a.jpg", endless) == "timed_out"


def test_the_loader_reads_them_and_knows_them_again(bucket: str) -> None:
    shop = Bucket(bucket)
    shop.write("a.jpg", photo(), if_generation=0)
    shop.write("svg.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", if_generation=0)
    uris = [f"gs://{bucket}/{name}" for name in ("a.jpg", "svg.jpg", "gone.jpg")]
    with ImageLoader(SETTINGS) as loader:
        first = {one.uri: one for one in loader.load_many(uris)}
        image = first[uris[0]].image
        assert image is not None
        assert image.pixels.shape == (48, 64, 3)
        assert [first[uri].error and first[uri].error.reason for uri in uris[1:]] == [
            "not_an_image",
            "missing",
        ]
        known = {uris[0]: str(first[uris[0]].fingerprint)}
        [again] = loader.load_many(uris[:1], known)
        assert (again.image, again.error, again.fingerprint) == (None, None, known[uris[0]])
