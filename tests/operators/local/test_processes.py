"""Children die with their parent, say why they ended, and ports in use are named."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feature_store.errors import NitamonoError, SettingsError
from operators.local.processes import Child, require_free_port

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
PARENT = """
import sys, time
from pathlib import Path
from operators.local.processes import Child
command = [sys.executable, "-c", "import time; time.sleep(60)"]
child = Child("sleeper", command, {}, Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_child_is_stopped(tmp_path: Path) -> None:
    child = Child("sleeper", SLEEP, os.environ, tmp_path / "log")
    child.require_alive()
    child.stop()
    assert not alive(child.pid)


def test_a_child_that_ended_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the reason')"]
    child = Child("brief", command, os.environ, tmp_path / "log")
    assert gone_within(child.pid, 20)
    with pytest.raises(NitamonoError, match=r"(?s)brief ended with status 1.*the reason"):
        child.require_alive()
    child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_a_child_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone_within(pid, 20)


def test_a_free_port_is_accepted() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    require_free_port(port, "PORT")


def test_a_port_in_use_is_named_with_its_remedy() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} is in use.*AIRFLOW_PORT={port + 1}"):
            require_free_port(port, "AIRFLOW_PORT")
