"""Emulators as processes that are never left behind, however the tests end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(os.environ.get("EMULATORS_VENV", ROOT / ".venv" / "emulators"))
"""The emulators' own environment, which `make setup` makes."""

PATIENCE_SECONDS = 60

_KEEPER = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.stdin.buffer.read()
child.kill()
child.wait()
"""
"""Ends the emulator as soon as nobody holds the other end of its standard input any more."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def kept(
    command: list[str],
    log: Path,
    is_up: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Run an emulator while the block runs; it ends with this process, were it killed."""
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-S", "-c", _KEEPER, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else {**os.environ, **environment},
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_up():
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} did not start: {log.read_text()}")
            time.sleep(0.02)
        yield
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(PATIENCE_SECONDS)
