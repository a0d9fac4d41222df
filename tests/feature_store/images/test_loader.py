"""Many images at a time: in order, bounded, each failure in its own place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from feature_store.images.loader import ImageLoader
from feature_store.images.settings import ImageSettings
from tests.feature_store.images.files import close_to, corners, encode, quarters
from tests.feature_store.images.shop_server import running


def test_order_is_kept_whatever_arrives_first() -> None:
    settings = ImageSettings(allow_http=True, allow_private_hosts=True, backoff_seconds=0.01)
    with running(encode(quarters(), "JPEG")) as server, ImageLoader(settings) as loader:
        paths = ["/slow-photo?0.2", "/photo.jpg", "/missing", "/page", "/empty", "/photo.jpg"]
        results = list(loader.load_many(server.url(path) for path in paths))
    kinds = [r.error.reason if r.error else r.image and r.image.pixels.shape for r in results]
    photo = (40, 64, 3)
    assert kinds == [photo, photo, "missing", "not_an_image", "not_an_image", photo]


def test_look_ahead_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(quarters(), "PNG"))
    taken = 0

    def uris() -> Iterator[str]:
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield str(tmp_path / "a.png")

    with ImageLoader(ImageSettings(look_ahead=5, concurrency=2)) as loader:
        results = loader.load_many(uris())
        for done in range(1, 11):
            assert next(results).image
            assert taken <= done + 5
        results.close()  # type: ignore[attr-defined]
    assert taken <= 15


def test_large_images_in_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(encode(quarters(5000, 3600), "PNG", compress_level=1))
    with ImageLoader(ImageSettings(concurrency=3)) as loader:
        results = list(loader.load_many([str(path)] * 3))
    pixels = [result.image.pixels for result in results if result.image]
    assert len(pixels) == 3
    assert all(np.array_equal(each, pixels[0]) for each in pixels)
    assert pixels[0].shape == (737, 1024, 3)


def test_one_image_and_one_error(tmp_path: Path) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(encode(quarters(), "WEBP", lossless=True))
    with ImageLoader(ImageSettings()) as loader:
        assert close_to(
            corners(loader.load(str(path)).pixels), corners(np.asarray(quarters())), by=0
        )
        (failed,) = loader.load_many([str(tmp_path / "none.jpg")])
        assert failed.error
        assert failed.error.reason == "missing"
        assert failed.error.__traceback__ is None  # it would hold the bytes of what failed
        assert failed.error.__cause__ is failed.error.__context__ is None
        assert list(loader.load_many([])) == []
