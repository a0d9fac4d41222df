"""BigQuery as bqemulator plays it: fixtures for whoever reads or writes a store there."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from feature_store.tables.settings import TablesSettings
from tests.emulators.process import ENVIRONMENT, free_port, kept

SERVER = Path(__file__).with_name("bigquery_server.py")
PROJECT = "shop-project"


@contextmanager
def running_bigquery(gcs_server: str, folder: Path) -> Iterator[str]:
    """The address, with its scheme, of a server that runs for the length of the block.

    It loads from the Cloud Storage emulator.
    """
    address = f"http://127.0.0.1:{(port := free_port())}"

    def is_up() -> bool:
        try:
            datasets = f"{address}/bigquery/v2/projects/{PROJECT}/datasets"
            return httpx.get(datasets, trust_env=False).is_success
        except httpx.TransportError:
            return False

    environment = {
        "STORAGE_EMULATOR_HOST": gcs_server,
        "BQEMU_LOG_LEVEL": "error",
        "HOME": str(folder),  # where DuckDB keeps its extensions
        "TMPDIR": str(folder),
    }
    command = [str(ENVIRONMENT / "bin" / "python"), str(SERVER), str(port)]
    with kept(command, folder / "bigquery.log", is_up, environment):
        yield address


@pytest.fixture(scope="session")
def bigquery_server(gcs_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address, with its scheme, of a server that runs until the tests end."""
    with running_bigquery(gcs_server, tmp_path_factory.mktemp("bigquery")) as address:
        yield address


@pytest.fixture
def bigquery(bigquery_server: str, gcs: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address, which this test's clients are told, as they are Cloud Storage's."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery_server)
    return bigquery_server


@pytest.fixture
def bigquery_tables(bigquery: str, bucket: str) -> TablesSettings:
    """Settings of a store of this test's own, which its first write makes."""
    return TablesSettings(
        store="bigquery",
        project=PROJECT,
        dataset=f"features_{uuid.uuid4().hex[:12]}",
        staging=f"gs://{bucket}/staged partitions",
    )
