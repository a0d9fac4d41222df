"""A photo becomes regions and vectors with the models of a bundle, or a reason why not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feature_store.errors import BundleError, ImageError, VisionError
from feature_store.photo.crops import crop, squash
from feature_store.photo.decode import decode
from feature_store.photo.limits import PhotoLimits
from feature_store.photo.models import FOLDER, LIST
from feature_store.photo.onnx_extractor import OnnxExtractor
from feature_store.photo.onnx_session import OnnxSettings
from feature_store.photo.reader import PhotoReader
from feature_store.schemas import WHOLE, Box
from tests.feature_store.images.files import encode, quarters
from tests.feature_store.photo.small_models import LARGE, SMALL, carry, write_extractor
from tests.feature_store.photo.uploads import broken, honest

PARTS = (("one@000000000000", 8), ("two@111111111111", 5))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    carry(folder, PARTS)
    return folder


@pytest.fixture(scope="module")
def reader(bundle: Path) -> PhotoReader:
    return PhotoReader(bundle)


def test_regions_come_the_most_prominent_first_and_the_whole_last(reader: PhotoReader) -> None:
    read = reader.read(encode(quarters(300, 300), "PNG"))
    assert [region.kind for region in read.regions] == ["product", "product", "whole"]
    large, small, whole = (region.box for region in read.regions)
    assert tuple(large) == pytest.approx(LARGE, abs=1e-3)
    assert tuple(small) == pytest.approx(SMALL, abs=1e-3)
    assert whole == WHOLE
    assert [region.confidence for region in read.regions] == pytest.approx([0.6, 0.9, 0.0])


def test_vectors_are_those_of_the_crops_joined_part_by_part(
    reader: PhotoReader, bundle: Path
) -> None:
    data = encode(quarters(300, 200), "PNG")
    read = reader.read(data)
    assert read.vectors.shape == (3, 13)
    assert read.vectors.dtype == np.float32
    pixels = decode(data, PhotoLimits()).pixels
    for region, vector in zip(read.regions, read.vectors, strict=True):
        colour = squash(crop(pixels, region.box), 32).reshape(-1, 3).mean(axis=0) / 255
        expected = []
        for number, (_, dim) in enumerate(PARTS):
            matrix = np.random.default_rng(number).normal(size=(3, dim)).astype(np.float32)
            part = colour @ matrix
            expected.append(part / np.linalg.norm(part))  # each a unit vector, whatever its scale
        np.testing.assert_allclose(vector, np.concatenate(expected), atol=2e-3)


def test_without_a_detector_a_photo_is_one_region(tmp_path: Path) -> None:
    carry(tmp_path, PARTS, detector=False)
    read = PhotoReader(tmp_path).read(encode(quarters(), "JPEG"))
    assert [region.box for region in read.regions] == [WHOLE]


@pytest.mark.parametrize("name", honest())
def test_honest_photos_are_read_upright(reader: PhotoReader, name: str) -> None:
    read = reader.read(honest()[name])
    assert (read.width_px, read.height_px) == (64, 40)
    plain = reader.read(honest()["png"])
    if name not in ("grey", "cmyk"):
        cosines = (read.vectors * plain.vectors).sum(axis=1) / 2
        assert cosines.min() > 0.99


@pytest.mark.parametrize("name", broken())
def test_broken_files_are_refused_with_a_reason(reader: PhotoReader, name: str) -> None:
    data, reason = broken()[name]
    with pytest.raises(ImageError) as caught:
        reader.read(data)
    assert caught.value.reason == reason
    assert str(reader) not in caught.value.detail


def test_a_photo_of_nothing_that_can_be_described_is_refused(reader: PhotoReader) -> None:
    black = encode(Image.new("RGB", (64, 64)), "PNG")
    with pytest.raises(ImageError, match="nothing of it can be described"):
        reader.read(black)


MEASURED = """
import sys
from pathlib import Path
from feature_store.errors import ImageError
from feature_store.memory import peak_bytes
from feature_store.photo.reader import PhotoReader
from tests.feature_store.photo.uploads import broken, honest

corpus = broken()
reader = PhotoReader(Path(sys.argv[1]))
for data in honest().values():
    reader.read(data)
before = peak_bytes()
for data, _ in corpus.values():
    try:
        reader.read(data)
    except ImageError:
        continue
    raise AssertionError
print((peak_bytes() - before) // 2**20)
"""


def test_broken_files_take_no_memory(bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(bundle)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64


def test_models_that_are_not_what_the_list_says_are_told(tmp_path: Path) -> None:
    carry(tmp_path, PARTS)
    write_extractor(tmp_path / FOLDER / "extractor-1.onnx", 6)
    with pytest.raises(VisionError, match="two@111111111111 describes crops by 6 numbers"):
        PhotoReader(tmp_path)
    (tmp_path / FOLDER / "detector.onnx").write_bytes(b"no model")
    with pytest.raises(VisionError, match="not a usable ONNX model"):
        PhotoReader(tmp_path)
    (tmp_path / FOLDER / LIST).write_text("{}")
    with pytest.raises(BundleError, match="missing or damaged"):
        PhotoReader(tmp_path)


def test_a_crop_of_the_photo_alone_gives_the_same_vector(reader: PhotoReader, bundle: Path) -> None:
    data = encode(quarters(300, 300), "PNG")
    read = reader.read(data)
    one = OnnxExtractor(OnnxSettings(bundle / FOLDER / "extractor-0.onnx"))
    (vector,) = one.extract([crop(decode(data, PhotoLimits()).pixels, Box(*LARGE))])
    np.testing.assert_allclose(read.vectors[0, :8], vector, atol=2e-3)
