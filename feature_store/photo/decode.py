"""Image bytes to upright RGB pixels of bounded size, or to the reason why not.

Colour profiles are ignored: the pixels are taken for sRGB, as most photos of products are.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from feature_store.errors import ImageError
from feature_store.photo.headers import FORMATS, check_tiff, claims_to_be_image, describe
from feature_store.photo.limits import Limits

_ORIENTATION_TAG = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LARGE_PIXELS = 16_000_000
_large_images = threading.Lock()


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """One decoded image.

    `image_id` is the SHA-256 (hex) of the file's bytes; `pixels` uint8 (H, W, 3), RGB, contiguous,
    writable, upright, its long side at most the working size; `width_px` and `height_px` are those
    of the upright original.
    """

    image_id: str
    pixels: npt.NDArray[np.uint8]
    width_px: int
    height_px: int


def decode(
    data: bytes, limits: Limits, *, formats: Sequence[str] = FORMATS, still: bool = False
) -> LoadedImage:
    """Decode the first frame of `data`, an image of one of `formats`, Pillow's names.

    Transparency is laid over white. Raises ImageError, and nothing else whatever the bytes: reason
    not_an_image, corrupt, too_large or too_small. With `still` an animation is not an image.
    """
    if not data:
        raise ImageError("not_an_image", "the file is empty (0 bytes)")
    check_tiff(data)
    try:
        with _open(data, formats) as image:
            if still and _is_animated(image):
                raise ImageError("not_an_image", "it is an animation")
            return _decode(data, image, limits)
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise ImageError("too_large", str(error) or "there is not enough memory") from error
    except UnidentifiedImageError as error:
        if claims_to_be_image(data, formats):
            raise ImageError(
                "corrupt", "it starts like an image but has no readable head"
            ) from error
        raise ImageError("not_an_image", f"it is {describe(data, formats)}") from error
    except Exception as error:  # Pillow raises nearly anything on hostile bytes
        raise ImageError("corrupt", f"{type(error).__name__}: {str(error)[:200]}") from error


def _decode(data: bytes, image: Image.Image, limits: Limits) -> LoadedImage:
    width, height = image.size
    _check_size(image, limits)
    target = _target_size(width, height, limits.working_long_side_px)
    # A JPEG can be decoded at a half, quarter or eighth; twice the target keeps it sharp.
    image.draft(None, (target[0] * 2, target[1] * 2))
    with _alone_if_large(image):
        image.load()
        if image.format == "TIFF":  # comes upright out of load(), and may change its size
            width, height = image.size
            target = _target_size(width, height, limits.working_long_side_px)
        orientation = _orientation(image)
        small = _reduce(_resizable(image), target)
    if orientation in _TRANSPOSE:
        small = small.transpose(_TRANSPOSE[orientation])
    if orientation >= 5:
        width, height = height, width
    pixels = np.array(_to_rgb(small), dtype=np.uint8, order="C")
    return LoadedImage(hashlib.sha256(data).hexdigest(), pixels, width, height)


def _open(data: bytes, formats: Sequence[str]) -> Image.Image:
    """Find the reader that knows `data`, as `Image.open` does, but always Pillow's own way.

    ultralytics, once imported, puts another function there, which answers bytes of no known kind
    with the import of a HEIF reader, and an ImportError.
    """
    Image.init()
    for name in formats:
        reader, accepts = Image.OPEN.get(name, (None, None))
        if reader is None or not (accepts is None or accepts(data[:16]) is True):
            continue
        try:
            return reader(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue  # it is what Pillow's readers raise for what is not theirs
    raise UnidentifiedImageError


def _is_animated(image: Image.Image) -> bool:
    # What follows the photo in an MPO are its previews and depths, as telephones write them.
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _check_size(image: Image.Image, limits: Limits) -> None:
    """Judge by the header alone, before a single pixel is decoded."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    tile_px = _as_int(tags.get(322)) * _as_int(tags.get(323))
    if max(width * height, tile_px) > limits.max_pixels:
        size = f"{width:,} x {height:,} pixels"
        raise ImageError("too_large", f"{size}; {limits.max_pixels:,} are allowed")
    if min(width, height) < limits.min_side_px:
        size = f"{width} x {height} pixels"
        raise ImageError("too_small", f"{size}; each side needs {limits.min_side_px}")


def _as_int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _target_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _alone_if_large(image: Image.Image) -> contextlib.AbstractContextManager[object]:
    """Threads decode large images one at a time, so that memory stays that of one."""
    width, height = image.size
    return _large_images if width * height > _LARGE_PIXELS else contextlib.nullcontext()


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8; a broken or unknown one counts as upright."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 the photo is worth more than its metadata
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _resizable(image: Image.Image) -> Image.Image:
    """The image in a mode in which neighbouring pixels can be averaged."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        return Image.fromarray(_to_eight_bits(np.asarray(image)))
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _to_eight_bits(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Grey of unknown depth: 0..1, 0..255 or 0..65535, whichever the brightest value fits."""
    grey = np.nan_to_num(values.astype(np.float32))
    brightest = float(grey.max())
    if brightest > 255:
        grey /= 257.0
    elif brightest <= 1.0 and values.dtype.kind == "f":
        grey *= 255.0
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _reduce(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    if image.width <= target[0] and image.height <= target[1]:
        return image
    # Half the time of LANCZOS, which is most of what an image of common size costs.
    return image.resize(target, Image.Resampling.HAMMING, reducing_gap=2.0)


def _to_rgb(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white
