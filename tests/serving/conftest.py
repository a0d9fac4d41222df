"""One small shop, and one real service that serves it, for all tests of this room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.service_process import ServiceProcess
from tests.serving.shop_bundle import build_shop


@pytest.fixture(scope="session")
def shop_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    build_shop(home)
    return home


@pytest.fixture(scope="session")
def service(shop_home: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(shop_home, "--workers", "2") as running:
        yield running


@pytest.fixture(scope="session")
def client(service: ServiceProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.address, timeout=10, trust_env=False) as client:
        yield client
