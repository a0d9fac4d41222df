"""Alerts and dashboard before a real Prometheus that reads a real service."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker.prometheus_process import PrometheusProcess, program
from tests.docker.test_dashboard import dashboard, targets
from tests.serving.service_process import ServiceProcess, until
from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.shop_tier import build_tier

OLD = "NitamonoIndexOld"
"""Fires from the start: the small shop's bundle was built in January 2026."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("monitored")
    build_shop(home, "shop-1")
    build_tier(home, new=["brand-new"])
    return home


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(home, "--workers", "2", poll_seconds=0.1) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(
    service: ServiceProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrometheusProcess]:
    folder = tmp_path_factory.mktemp("prometheus")
    with PrometheusProcess(folder, service.address.removeprefix("http://")) as running:
        until(lambda: running.query("up == 1"))
        yield running


def ask_around(service: ServiceProcess) -> None:
    """A little of everything that shoppers and their browsers ask."""
    with httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client:
        for path in (
            f"/v1/items/{PLAIN}/similar",
            f"/v1/items/{PLAIN}/similar?limit=3&filter=category:bags",
            f"/v1/items/{PLAIN}/similar?threshold=100",
            "/v1/items/nobody-has-this/similar",
            f"/v1/items/{PLAIN}",
            "/demo/",
        ):
            client.get(path)
        hit = client.get(f"/v1/items/{PLAIN}/similar").json()
        seen = {
            "query_id": hit["query_id"],
            "item_id": PLAIN,
            "position": 1,
            "hit_item_id": hit["hits"][0]["item_id"],
            "bundle": hit["bundle"],
        }
        events = [{"type": "view", **seen}, {"type": "click", **seen}]
        assert client.post("/v1/events", json={"events": events}).status_code == 202
        assert client.post("/v1/events", json={"events": []}).status_code == 400
        batch = [{"item_id": PLAIN}, {"vector": [1.0] * 32}]
        assert client.post("/v1/search", json={"queries": batch}).status_code == 200


def concrete(expression: str) -> str:
    """A panel's expression as Grafana sends it."""
    return expression.replace("$__rate_interval", "10s").replace("$instance", ".*")


def point_at(home: Path, bundle_id: str) -> None:
    """Name a bundle that the registry itself would not publish."""
    named = home / "named"
    named.write_text(f"{bundle_id}\n")
    named.replace(home / "bundles" / "CURRENT")


def numbers(found: list[dict[str, Any]]) -> list[float]:
    return [float(series["value"][1]) for series in found]


def test_promtool_finds_no_fault_in_the_metrics(service: ServiceProcess) -> None:
    told = httpx.get(f"{service.address}/metrics", trust_env=False)
    command = [program("promtool"), "check", "metrics"]
    done = subprocess.run(command, input=told.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_panel_has_something_to_show(
    service: ServiceProcess, prometheus: PrometheusProcess
) -> None:
    empty: set[str] = set()

    def all_are_there() -> bool:
        ask_around(service)
        empty.clear()
        for title, target in targets():
            found = numbers(prometheus.query(concrete(target["expr"])))
            if not found or not all(map(math.isfinite, found)):
                empty.add(f"{title}: {target['expr']}")
        return not empty

    try:
        until(all_are_there, 40)
    except AssertionError:
        pytest.fail("\n".join(["nothing is shown by", *sorted(empty)]))


def test_what_is_shown_is_what_is_so(
    service: ServiceProcess, prometheus: PrometheusProcess
) -> None:
    shown = {title: target["expr"] for title, target in targets()}
    ask_around(service)

    def value(title: str) -> list[float]:
        return numbers(prometheus.query(concrete(shown[title])))

    until(lambda: value("Items") == [63])
    assert value("Services up") == [1]
    assert value("Refused") == [0]
    assert value("Index age")[0] > 26 * 3600
    [bundle] = prometheus.query(concrete(shown["Live bundle"]))
    assert bundle["metric"] == {"bundle": "shop-1"}
    [model] = prometheus.query(concrete(shown["Models"]))
    assert model["metric"]["extractor"] == "random@000000000000"
    until(lambda: value("Error budget left") == [1])


def test_the_variable_and_the_annotation_can_be_asked(prometheus: PrometheusProcess) -> None:
    [variable] = dashboard()["templating"]["list"]
    asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
    assert asked
    assert [asked[2] in series["metric"] for series in prometheus.query(asked[1])] == [True]
    [annotation] = dashboard()["annotations"]["list"]
    prometheus.query(concrete(annotation["expr"]))


def test_no_rule_is_broken_and_an_old_index_alone_is_alarming(
    service: ServiceProcess, prometheus: PrometheusProcess
) -> None:
    until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()))
    until(lambda: OLD in prometheus.alerts())
    assert set(prometheus.alerts()) == {OLD}
    told = prometheus.alerts()[OLD]["annotations"]
    assert service.address.removeprefix("http://") in told["summary"]
    for text in told.values():
        assert "<" not in text, "something in it was not filled in"


def test_a_refused_bundle_and_then_a_dead_service_raise_alarms(
    home: Path, service: ServiceProcess, prometheus: PrometheusProcess
) -> None:
    folder = build_shop(home, "shop-2")
    point_at(home, "shop-1")
    with (folder / "items.arrow").open("ab") as file:
        file.write(b"more")
    point_at(home, "shop-2")
    until(lambda: "NitamonoBundleRefused" in prometheus.alerts())
    point_at(home, "shop-1")
    until(lambda: "NitamonoBundleRefused" not in prometheus.alerts())
    service.stop()
    until(lambda: "NitamonoDown" in prometheus.alerts())
    assert prometheus.alerts()["NitamonoDown"]["labels"]["severity"] == "page"
