"""Bundles that earlier releases wrote are served, alone and as the canary of each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from feature_store.bundle import BundleRegistry
from tests.serving.service_process import ROOT, ServiceProcess

GOLDEN = sorted((ROOT / "tests/feature_store/bundle/golden").glob("*"))


@pytest.mark.parametrize("release", GOLDEN, ids=lambda path: path.name)
def test_they_are_served(release: Path, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    shutil.copytree(release, bundles)
    registry = BundleRegistry(bundles)
    live, canary = json.loads((bundles / "answers.json").read_text())
    registry.publish(live)
    registry.canary(canary, 0.5)
    item_id = registry.open().items["item_id"][0].as_py()
    with (
        ServiceProcess(tmp_path) as service,
        httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client,
    ):
        said = client.get("/v1/bundle").json()
        assert (said["bundle"], said["canary"]["bundle"]) == (live, canary)
        assert [said["recall_at_10"] is not None, said["gate_passed"]] == [True, True]
        assert [len(said["parts"]), len(said["segments"]), said["stored"]] == [1, 1, "float32"]
        answer = client.get(f"/v1/items/{quote(item_id, safe='')}/similar?limit=5")
        assert len(answer.json()["hits"]) == 5
