"""Every kind of image that is read, and every kind of file that only looks like one."""

from __future__ import annotations

import hashlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from feature_store.errors import ImageError
from feature_store.images.settings import ImageSettings
from feature_store.photo.decode import LoadedImage, decode
from tests.feature_store.images.files import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    bomb_png,
    close_to,
    corners,
    encode,
    png_chunk,
    quarters,
    rgb16_png,
    tiff_of_tags,
)

SETTINGS = ImageSettings()
UPRIGHT = [RED, GREEN, BLUE, YELLOW]
WHITE = (255, 255, 255)


def refusal(data: bytes, limits: ImageSettings = SETTINGS) -> ImageError:
    with pytest.raises(ImageError) as caught:
        decode(data, limits)
    return caught.value


def check_shape(loaded: LoadedImage, width: int, height: int) -> None:
    assert loaded.pixels.shape == (height, width, 3)
    assert loaded.pixels.dtype == np.uint8
    assert loaded.pixels.flags.c_contiguous
    assert loaded.pixels.flags.writeable


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("AVIF", {"quality": 95}),
        ("MPO", {"quality": 95, "save_all": True, "append_images": [quarters(32, 32)]}),
    ],
)
def test_every_format_gives_the_same_picture(kind: str, options: dict[str, object]) -> None:
    data = encode(quarters(), kind, **options)
    loaded = decode(data, SETTINGS)
    check_shape(loaded, 64, 40)
    assert close_to(corners(loaded.pixels), UPRIGHT)
    assert (loaded.width_px, loaded.height_px) == (64, 40)
    assert loaded.image_id == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quarters()
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = decode(encode(stored, kind, exif=exif), SETTINGS)
    check_shape(loaded, 64, 40)
    assert close_to(corners(loaded.pixels), UPRIGHT, by=25)
    assert (loaded.width_px, loaded.height_px) == (64, 40)


def test_a_rotated_compressed_tiff_and_a_rotated_large_jpeg() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = quarters().transpose(Image.Transpose.ROTATE_90)
    loaded = decode(encode(turned, "TIFF", exif=exif, compression="tiff_lzw"), SETTINGS)
    assert (loaded.width_px, loaded.height_px) == (64, 40)
    assert close_to(corners(loaded.pixels), UPRIGHT)
    turned = quarters(3000, 2000).transpose(Image.Transpose.ROTATE_90)
    loaded = decode(encode(turned, "JPEG", exif=exif), SETTINGS)
    check_shape(loaded, 1024, 683)
    assert (loaded.width_px, loaded.height_px) == (3000, 2000)
    assert close_to(corners(loaded.pixels), UPRIGHT)


@pytest.mark.parametrize("orientation", [0, 9, 4242])
def test_a_senseless_orientation_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    loaded = decode(encode(quarters(), "JPEG", exif=exif), SETTINGS)
    assert close_to(corners(loaded.pixels), UPRIGHT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's own word on it
def test_broken_exif_does_not_cost_the_photo() -> None:
    loaded = decode(encode(quarters(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"), SETTINGS)
    assert close_to(corners(loaded.pixels), UPRIGHT)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_neither_inverted_nor_lost(kind: str) -> None:
    data = encode(quarters().convert("CMYK"), kind)
    if kind == "JPEG":
        assert b"Adobe" in data  # Adobe's marker: the four channels are stored inverted
    loaded = decode(data, SETTINGS)
    assert close_to(corners(loaded.pixels), UPRIGHT)


def grey_ramp() -> np.ndarray:
    return np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None], 32, axis=0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_shades(kind: str) -> None:
    deep = Image.fromarray(grey_ramp().astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    pixels = decode(encode(deep, kind), SETTINGS).pixels
    assert np.array_equal(pixels[..., 0], grey_ramp())
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_sixteen_bit_colour_keeps_its_shades() -> None:
    values = np.asarray(quarters()).astype(np.uint16) * 257
    assert close_to(corners(decode(rgb16_png(values), SETTINGS).pixels), UPRIGHT, by=1)


@pytest.mark.parametrize("scale", [1 / 255, 1.0, 257.0])
def test_floating_point_grey(scale: float) -> None:
    deep = Image.fromarray(grey_ramp().astype(np.float32) * np.float32(scale))
    pixels = decode(encode(deep, "TIFF"), SETTINGS).pixels
    assert np.abs(pixels[..., 0].astype(int) - grey_ramp()).max() <= 1


def test_transparency_is_laid_over_white() -> None:
    clear = quarters().convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 0))
    half = quarters().convert("RGBA")
    half.putalpha(Image.new("L", half.size, 128))
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        assert close_to(corners(decode(encode(clear, kind), SETTINGS).pixels), [WHITE] * 4, by=3)
        wanted = [tuple((v + 255) // 2 for v in colour) for colour in UPRIGHT]
        assert close_to(corners(decode(encode(half, kind), SETTINGS).pixels), wanted, by=12)


def test_palettes_grey_with_alpha_colour_keys_and_one_bit() -> None:
    palette = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    index = palette.getpixel((1, 1))
    keyed = decode(encode(palette, "PNG", transparency=index), SETTINGS).pixels
    assert close_to(corners(keyed), [WHITE, GREEN, BLUE, YELLOW])
    several = bytes(0 if place == index else 128 for place in range(4))
    assert (
        corners(decode(encode(palette, "PNG", transparency=several), SETTINGS).pixels)[0] == WHITE
    )
    colour_key = decode(encode(quarters(), "PNG", transparency=GREEN), SETTINGS).pixels
    assert close_to(corners(colour_key), [RED, WHITE, BLUE, YELLOW])
    grey = Image.new("LA", (32, 32), (10, 0))
    assert corners(decode(encode(grey, "PNG"), SETTINGS).pixels) == [WHITE] * 4
    bits = Image.new("1", (32, 32), 1)
    assert corners(decode(encode(bits, "PNG"), SETTINGS).pixels) == [WHITE] * 4


def test_an_animation_gives_its_first_frame() -> None:
    others = [Image.new("RGB", (64, 40), colour) for colour in (BLUE, YELLOW)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = encode(quarters(), kind, save_all=True, append_images=others)
        assert close_to(corners(decode(data, SETTINGS).pixels), UPRIGHT, by=20), kind


def test_large_images_are_reduced_and_small_ones_left() -> None:
    for kind in ("PNG", "JPEG"):
        loaded = decode(encode(quarters(2100, 1050), kind), SETTINGS)
        check_shape(loaded, 1024, 512)
        assert (loaded.width_px, loaded.height_px) == (2100, 1050)
        assert close_to(corners(loaded.pixels), UPRIGHT)
    check_shape(decode(encode(quarters(20, 2000), "PNG"), SETTINGS), 10, 1024)
    check_shape(decode(encode(quarters(1024, 16), "PNG"), SETTINGS), 1024, 16)


def test_a_polyglot_is_only_its_picture() -> None:
    data = encode(quarters(), "GIF") + b"<script>alert(1)</script>"
    assert close_to(corners(decode(data, SETTINGS).pixels), UPRIGHT)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><img src='a.jpg'>", "a web page"),
        (b"\xef\xbb\xbf <html>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG"),
        (b'{"error": "gone"}', "text"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "no known image format"),
        (b"P6 64 64 255 " + bytes(64 * 64 * 3), "no known image format"),
        (b"\0" * 100, "no known image format"),
        (b"GIF89a<script>", None),
    ],
)
def test_what_is_no_image(data: bytes, words: str | None) -> None:
    error = refusal(data)
    if words is None:
        assert error.reason == "corrupt"
    else:
        assert error.reason == "not_an_image"
        assert words in error.detail


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated_files_are_corrupt(kind: str, part: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 80, 3), np.uint8)
    data = encode(Image.fromarray(noise), kind)
    assert refusal(data[: int(len(data) * part)]).reason == "corrupt"


def test_a_wrong_checksum_is_corrupt() -> None:
    data = bytearray(encode(quarters(), "PNG"))
    data[20] ^= 0xFF
    assert refusal(bytes(data)).reason == "corrupt"


def test_what_others_make_of_pillows_open_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """ultralytics, once imported, has Image.open look for a reader of HEIF instead of refusing."""

    def look_for_more(*_args: object, **_formats: object) -> Image.Image:
        raise ModuleNotFoundError("No module named 'pi_heif'")

    monkeypatch.setattr(Image, "open", look_for_more)
    assert refusal(b"hello, world").reason == "not_an_image"
    assert "web page" in refusal(b"<!doctype html>").detail
    assert "pi_heif" not in refusal(encode(quarters(), "PNG")[:12]).detail
    check_shape(decode(encode(quarters(), "AVIF"), SETTINGS), 64, 40)


def test_bombs_and_specks() -> None:
    error = refusal(bomb_png())
    assert error.reason == "too_large"
    assert refusal(bomb_png(9000)).detail == "9,000 x 9,000 pixels; 60,000,000 are allowed"
    assert refusal(bomb_png(12_000)).reason == "too_large"
    assert error.detail == "30,000 x 30,000 pixels; 60,000,000 are allowed"
    assert refusal(encode(quarters(64, 15), "PNG")).reason == "too_small"
    assert refusal(encode(quarters(1, 1), "GIF")).reason == "too_small"
    small = ImageSettings(max_pixels=64 * 40 - 1)
    assert refusal(encode(quarters(), "JPEG"), small).reason == "too_large"
    check_shape(decode(encode(quarters(), "JPEG"), ImageSettings(max_pixels=64 * 40)), 64, 40)


def test_a_tiff_of_huge_tiles_or_countless_pieces_is_refused_unopened() -> None:
    size = [(256, 4, 1, 100), (257, 4, 1, 100), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    countless = tiff_of_tags(*size, (273, 4, 7_000_000, 8), (279, 4, 7_000_000, 8))
    assert refusal(countless).detail == "a TIFF of 7,000,000 pieces"
    tiles = [(322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8), (325, 4, 1, 8)]
    assert refusal(tiff_of_tags(*size, *tiles)).reason == "too_large"


def test_a_png_with_a_text_bomb_is_corrupt() -> None:
    data = encode(quarters(), "PNG")
    bomb = b"key\0\0" + zlib.compress(bytes(80 * 2**20), 9)
    data = data[:33] + png_chunk(b"zTXt", bomb) + data[33:]
    assert refusal(data).reason == "corrupt"


SEEDS = {
    kind: encode(quarters(), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(SEEDS)),
    st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_no_bytes_crash_the_decoder(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(SEEDS[kind])
    for place, value in changes:
        data[place % len(data)] = value
    try:
        loaded = decode(bytes(data), SETTINGS)
    except ImageError:
        return
    assert loaded.pixels.ndim == 3
    assert max(loaded.pixels.shape) <= 1024


def test_pillow_itself_is_left_as_it_was() -> None:
    """Other users of Pillow in the process rely on its own limits."""
    decode(encode(quarters(), "PNG"), SETTINGS)
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(bomb_png()))
