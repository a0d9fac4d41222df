"""How much memory hostile and merely large images may take, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.feature_store.images.files import bomb_png, encode, quarters

PROGRAM = """
import sys
from pathlib import Path
from feature_store.errors import ImageError
from feature_store.images.decode import decode
from feature_store.images.settings import ImageSettings

def peak_kb():
    # Not ru_maxrss, which a child inherits from its parent's peak.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

warm, data = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]).read_bytes()
decode(warm, ImageSettings())
before = peak_kb()
try:
    result = decode(data, ImageSettings()).pixels.shape[1]
except ImageError as error:
    result = error.reason
print(result, peak_kb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("case", ["bomb", "large JPEG"])
def test_peak_memory_stays_bounded(tmp_path: Path, case: str) -> None:
    warm, hostile = tmp_path / "warm", tmp_path / "hostile"
    warm.write_bytes(encode(quarters(), "JPEG"))
    large = Image.new("RGB", (7600, 7600), "red")
    hostile.write_bytes(bomb_png() if case == "bomb" else encode(large, "JPEG"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(warm), str(hostile)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    result, kilobytes = done.stdout.split()
    assert result == ("too_large" if case == "bomb" else "1024")
    assert int(kilobytes) < 100 * 1024
