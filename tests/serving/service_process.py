"""A real `nitamono serve` in the serving environment, as tests start and stop it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
NITAMONO = ROOT / ".venv" / "serving" / "bin" / "nitamono"
_PATIENCE_SECONDS = 60


class ServiceProcess:
    """The service on a free port, serving `home`; `settings` are NITAMONO_SERVING_* by name."""

    def __init__(self, home: Path, *arguments: str, port: int = 0, **settings: object) -> None:
        self.home = home
        self.log = home / f"service-{id(self)}.log"
        given = {f"NITAMONO_SERVING_{name.upper()}": str(value) for name, value in settings.items()}
        known = ("PATH", "HOME", "LANG", "STORAGE_EMULATOR_HOST")
        kept = {name: os.environ[name] for name in known if name in os.environ}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(NITAMONO), "serve", "--port", str(port), *arguments],
                env={**kept, **given, "NITAMONO_HOME": str(home), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.address = ""

    def __enter__(self) -> ServiceProcess:
        self.address = self._until(r"on (http://\S+)")[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def said(self) -> str:
        """Everything that it has written."""
        return self.log.read_text(errors="replace")

    def _until(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.said()):
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended: {self.said()}")
            time.sleep(0.02)
        raise AssertionError(f"the service did not say {pattern!r}: {self.said()}")

    def until_serving(self, bundle_id: str) -> None:
        """Wait until it says that it serves this bundle."""
        self._until(rf"serving bundle {re.escape(bundle_id)} ")

    def wait(self) -> int:
        """Wait for its end; return its exit status."""
        return self.process.wait(_PATIENCE_SECONDS)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for its end; return its exit status."""
        self.process.send_signal(number)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def children_of(process: int) -> list[int]:
    """The processes that a process has forked, on Linux."""
    return [
        int(child)
        for tasks in Path(f"/proc/{process}/task").glob("*/children")
        for child in tasks.read_text().split()
    ]


def until(met: object, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Wait until a function returns something true."""
    assert callable(met)
    deadline = time.monotonic() + patience_seconds
    while not met():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
