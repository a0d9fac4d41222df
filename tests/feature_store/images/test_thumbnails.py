"""Thumbnails: where they lie, what they look like, and that half of one never does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feature_store.images.settings import ImageSettings
from feature_store.images.thumbnails import keep_thumbnail, thumbnail_path, write_thumbnail
from feature_store.photo.decode import LoadedImage, decode
from tests.feature_store.images.files import close_to, corners, encode, quarters


@pytest.fixture
def image() -> LoadedImage:
    return decode(encode(quarters(640, 400), "PNG"), ImageSettings())


def test_a_thumbnail_is_a_small_jpeg_under_its_digest(tmp_path: Path, image: LoadedImage) -> None:
    path = write_thumbnail(image, tmp_path / "thumbnails", 320)
    digest = image.image_id
    assert path == tmp_path / "thumbnails" / digest[:2] / f"{digest}.jpg"
    assert path == thumbnail_path(tmp_path / "thumbnails", digest)
    assert path.stat().st_mode & 0o777 == 0o644
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("JPEG", (320, 200))
        assert close_to(corners(np.asarray(picture)), corners(image.pixels))
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_small_images_are_not_enlarged(tmp_path: Path, image: LoadedImage) -> None:
    with Image.open(write_thumbnail(image, tmp_path, 4000)) as picture:
        assert picture.size == (640, 400)


def test_one_that_is_there_is_kept_and_an_empty_one_replaced(
    tmp_path: Path, image: LoadedImage
) -> None:
    path = write_thumbnail(image, tmp_path, 320)
    first = path.read_bytes()
    path.write_bytes(b"kept")
    write_thumbnail(image, tmp_path, 320)
    assert path.read_bytes() == b"kept"
    path.write_bytes(b"")
    write_thumbnail(image, tmp_path, 320)
    assert path.read_bytes() == first


def test_one_that_is_met_again_is_in_use(tmp_path: Path, image: LoadedImage) -> None:
    assert not keep_thumbnail(tmp_path, image.image_id)
    path = write_thumbnail(image, tmp_path, 320)
    for meet in (
        lambda: write_thumbnail(image, tmp_path, 320),
        lambda: keep_thumbnail(tmp_path, image.image_id),
    ):
        os.utime(path, (1, 1))
        assert meet()
        assert path.stat().st_mtime > 1
    path.write_bytes(b"")
    assert not keep_thumbnail(tmp_path, image.image_id)


def test_a_failed_write_leaves_nothing(
    tmp_path: Path, image: LoadedImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_thumbnail(image, tmp_path, 320)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
