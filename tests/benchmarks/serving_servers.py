"""The servers that are compared, and what they take of the machine, as Linux tells it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.benchmarks.serving_shop import item_id, say
from tests.serving.service_process import ServiceProcess, children_of

ROOT = Path(__file__).resolve().parents[2]
SERVING = ROOT / ".venv" / "serving"
CHROMA = Path(sys.executable).with_name("chroma")
BATCH = 5000
PATIENCE_SECONDS = 600
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, and its first process."""

    address: str
    process: int

    def processes(self) -> list[int]:
        """Return its processes: the first, its children, theirs."""
        found = [self.process]
        for process in found:
            with contextlib.suppress(FileNotFoundError):
                found += children_of(process)
        return found

    def processor_seconds(self) -> float:
        """Return the processor time that its processes have taken."""
        return sum(_processor_seconds(process) for process in self.processes())

    def shared_bytes(self) -> int:
        """Return the memory of all its processes, in which shared pages count once (PSS)."""
        return sum(_rollup(process, "Pss") for process in self.processes())

    def largest_bytes(self) -> int:
        """Return the memory of its largest process, pages of others included (RSS)."""
        return max(_rollup(process, "Rss") for process in self.processes())

    def ask(self, path: str, body: Any = None) -> Any:
        """Return the JSON that answers a GET, or the POST of a JSON body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        request = urllib.request.Request(self.address + path, data, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            return json.load(answer)


def _processor_seconds(process: int) -> float:
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _rollup(process: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def our_service(home: Path, workers: int, **settings: object) -> Iterator[Server]:
    """Run the lookup service on what is published under `home`."""
    with ServiceProcess(home, "--workers", str(workers), demo=False, **settings) as running:
        yield Server(running.address, running.process.pid)


@contextmanager
def chroma(folder: Path) -> Iterator[Server]:
    """Run chromadb's server on a folder of its own, with its own defaults."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [str(CHROMA), "run", "--path", str(folder), "--host", "127.0.0.1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ANONYMIZED_TELEMETRY": "False"},
            start_new_session=True,
        )
    server = Server(address, process.pid)
    try:
        _wait_for(server, "/api/v2/heartbeat", process, folder / "server.log")
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _wait_for(server: Server, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.ask(path)
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"chromadb's server did not start: {log.read_text()}") from error
            time.sleep(0.1)
        else:
            return


def fill_chroma(server: Server, vectors: Floats) -> str:
    """Give chromadb all vectors, under the items' names; return the path that answers queries.

    What an earlier run has left there is used again.
    """
    base = "/api/v2/tenants/default_tenant/databases/default_database/collections"
    made = server.ask(base, {"name": "items", "get_or_create": True})
    path = f"{base}/{made['id']}"
    held = int(server.ask(f"{path}/count"))
    if held < len(vectors):
        say(f"giving chromadb {len(vectors) - held:,} vectors")
    for start in range(held, len(vectors), BATCH):
        block = vectors[start : start + BATCH]
        ids = [item_id(number) for number in range(start, start + len(block))]
        server.ask(f"{path}/add", {"ids": ids, "embeddings": block.tolist()})
    return f"{path}/query"


def chroma_question(vector: Sequence[float], k: int) -> dict[str, Any]:
    """Return the body of a query for the k nearest: ids and distances only."""
    return {"query_embeddings": [vector], "n_results": k, "include": ["distances"]}


def installed_bytes() -> int:
    """Return the size of what `serving.lock` installs; compiled bytecode comes and goes."""
    names = [line.partition("==")[0] for line in (ROOT / "serving.lock").read_text().splitlines()]
    (folder,) = SERVING.glob("lib/python*/site-packages")
    known = {
        re.sub("[-_.]+", "-", found.name).lower(): found
        for found in metadata.distributions(path=[str(folder)])
    }
    size = 0
    for name in names:
        for file in known[name].files or ():
            path = Path(str(known[name].locate_file(file)))
            if path.suffix != ".pyc" and path.is_file():
                size += path.stat().st_size
    return size
