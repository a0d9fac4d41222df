"""The emulator itself: that it refuses what Google refuses, and that it is never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from google.api_core.exceptions import PreconditionFailed
from google.cloud.storage import Client

from tests.emulators.process import ROOT

_TESTER = """
import sys, time
from pathlib import Path
from tests.emulators.process import kept
with kept([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"],
          log := Path(sys.argv[1]), lambda: "up" in log.read_text()):
    print("running", flush=True)
    time.sleep(600)
"""


def test_a_write_under_another_generation_is_refused(bucket: str) -> None:
    def write(generation: int) -> int:
        blob = Client(project=None).bucket(bucket).blob("CURRENT")
        blob.upload_from_string(b"a", if_generation_match=generation)
        return int(blob.generation)

    first = write(0)
    with pytest.raises(PreconditionFailed):
        write(0)
    write(first)
    with pytest.raises(PreconditionFailed):
        write(first)


def test_an_emulator_ends_with_tests_that_were_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tester = subprocess.Popen(
        [sys.executable, "-c", _TESTER, str(log)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert tester.stdout is not None
    assert tester.stdout.readline() == b"running\n"
    mentioning = [p for p in Path("/proc").glob("[0-9]*") if _mentions(p, "print('up'")]
    os.kill(tester.pid, signal.SIGKILL)
    tester.wait()
    tester.stdout.close()
    assert mentioning
    deadline = time.monotonic() + 30
    while any(_mentions(process, "print('up'") for process in mentioning):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)


def _mentions(process: Path, words: str) -> bool:
    try:
        return words in (process / "cmdline").read_text()
    except OSError:
        return False
