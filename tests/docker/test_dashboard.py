"""The Grafana dashboard as a file: what Grafana needs to show it without a person's help."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml

from tests.docker.prometheus_process import DOCKER

FILE = DOCKER / "grafana" / "nitamono.json"
KINDS = {"row", "stat", "timeseries", "heatmap", "table"}
"""Kinds of panels that come with every Grafana."""

COLUMNS = 24
"""The width of a dashboard's grid."""


def panels() -> list[dict[str, Any]]:
    """Every panel, rows apart."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text())
    return read


def targets() -> list[tuple[str, dict[str, Any]]]:
    return [(panel["title"], target) for panel in panels() for target in panel["targets"]]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return read


def mounted(compose: dict[str, Any], service: str) -> dict[str, str]:
    """By path in a container, the file of docker/ that is there."""
    pairs = (volume.split(":")[:2] for volume in compose["services"][service]["volumes"])
    return {inside: outside for outside, inside in pairs}


def test_it_can_be_told_from_others() -> None:
    read = dashboard()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", read["uid"])
    assert read["title"]
    assert read["schemaVersion"] == 39  # Grafana 11.1's
    assert "id" not in read, "a number that one Grafana gave it means another one elsewhere"
    assert set(read["time"]) == {"from", "to"}


def test_every_panel_is_of_a_kind_that_grafana_has() -> None:
    read = dashboard()["panels"]
    assert {panel["type"] for panel in read} <= KINDS
    numbers = [panel["id"] for panel in read]
    assert len(set(numbers)) == len(numbers)
    for panel in read:
        assert panel["title"]
    for panel in panels():
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_no_two_panels_lie_on_each_other_and_none_outside() -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in dashboard()["panels"]]
    for title, place in places:
        assert min(place.values()) >= 0, title
        assert place["w"] > 0 < place["h"], title
        assert place["x"] + place["w"] <= COLUMNS, title
    for (title, one), (other, two) in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        above = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert beside or above, f"{title} lies on {other}"


def test_every_query_asks_the_provisioned_prometheus() -> None:
    [source] = yaml.safe_load((DOCKER / "grafana.yml").read_text())["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    asked = [*panels(), *(target for _, target in targets())]
    asked += [*dashboard()["templating"]["list"], *dashboard()["annotations"]["list"]]
    for each in asked:
        assert each["datasource"] == wanted
    for panel in panels():
        letters = [target["refId"] for target in panel["targets"]]
        assert letters
        assert len(set(letters)) == len(letters), panel["title"]
        assert all(target["range"] != target.get("instant", False) for target in panel["targets"])


def test_every_variable_in_a_query_exists() -> None:
    known = {variable["name"] for variable in dashboard()["templating"]["list"]}
    for title, target in targets():
        used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
        assert used <= known, title


def test_every_query_is_of_this_service_alone() -> None:
    for title, target in targets():
        for name, selected in re.findall(r"\b(nitamono_\w+|up)(\{[^}]*\})?", target["expr"]):
            assert 'instance=~"$instance"' in selected, f"{title}: {name}"


def test_compose_puts_it_where_grafana_looks(compose: dict[str, Any]) -> None:
    files = mounted(compose, "grafana")
    provider = files["/etc/grafana/provisioning/dashboards/nitamono.yml"]
    [told] = yaml.safe_load((DOCKER / provider).read_text())["providers"]
    assert told["type"] == "file"
    assert files[f"{told['options']['path']}/{FILE.name}"] == f"./grafana/{FILE.name}"
    assert files["/etc/grafana/provisioning/datasources/nitamono.yml"] == "./grafana.yml"


def test_compose_gives_prometheus_its_rules_and_keeps_what_is_shown(
    compose: dict[str, Any],
) -> None:
    files = mounted(compose, "prometheus")
    [rules] = yaml.safe_load((DOCKER / "prometheus.yml").read_text())["rule_files"]
    assert files[f"/etc/prometheus/{rules}"] == f"./{rules}"
    kept = re.search(r"retention\.time=(\d+)d", compose["services"]["prometheus"]["command"])
    assert kept
    spans = [
        int(days) for _, target in targets() for days in re.findall(r"\[(\d+)d\]", str(target))
    ]
    assert int(kept[1]) > max(spans)
