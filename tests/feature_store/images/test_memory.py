"""How much memory hostile and merely large images may take, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.feature_store.images.files import bomb_png, encode, quarters
from tests.feature_store.images.shop_server import running

PROGRAM = """
import sys
from feature_store.images.loader import ImageLoader
from feature_store.images.settings import ImageSettings
from feature_store.memory import peak_bytes

warm, *uris = sys.argv[1:]
settings = ImageSettings(
    allow_http=True,
    allow_private_hosts=True,
    max_bytes=4 * 2**20,
    per_host_concurrency=16,
    total_seconds=60.0,
)
with ImageLoader(settings) as loader:
    loader.load(warm)
    before = peak_bytes() // 1024
    found = [
        each.error.reason if each.error else str(each.image.pixels.shape[1])
        for each in loader.load_many(uris)
    ]
print(*sorted(set(found)), peak_bytes() // 1024 - before)
"""


def animation(kind: str, frames: int) -> bytes:
    """Many frames, each unlike the others, in a small file."""
    pictures = [Image.new("RGB", (200, 200), (n % 256, n // 256, 99)) for n in range(frames)]
    return encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=10)


def measured(tmp_path: Path, *uris: str) -> tuple[str, float]:
    """What became of the images, and by how much the peak of memory rose, in MiB."""
    warm = tmp_path / "warm"
    warm.write_bytes(encode(quarters(), "JPEG"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(warm), *uris],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    result, kilobytes = done.stdout.rsplit(maxsplit=1)
    return result, int(kilobytes) / 1024


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (bomb_png, "too_large"),
    "large JPEG": (lambda: encode(Image.new("RGB", (7600, 7600), "red"), "JPEG"), "1024"),
    "GIF of many frames": (lambda: animation("GIF", 1000), "200"),
    "WebP of many frames": (lambda: animation("WEBP", 1000), "200"),
    "PNG of many frames": (lambda: animation("PNG", 1000), "200"),
}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc"
)


@pytest.mark.parametrize("case", HOSTILE)
def test_peak_memory_of_a_file_stays_bounded(tmp_path: Path, case: str) -> None:
    make, wanted = HOSTILE[case]
    (tmp_path / "hostile").write_bytes(make())
    result, mebibytes = measured(tmp_path, str(tmp_path / "hostile"))
    assert result == wanted
    assert mebibytes < 100


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/endless", "too_large"),
        ("/endless-body", "too_large"),
        ("/gzip", "not_an_image"),
        ("/endless-headers", "unreachable"),
        ("/announced?4000000000", "too_large"),
    ],
)
def test_peak_memory_of_many_answers_stays_bounded(tmp_path: Path, path: str, wanted: str) -> None:
    """Forty addresses: as many bodies at a time as there are places, each of at most 4 MiB."""
    with running(encode(quarters(), "JPEG")) as server:
        result, mebibytes = measured(tmp_path, *[server.url(path)] * 40)
    assert result == wanted
    assert mebibytes < 120
