"""The plugin serves reports, and nothing else; who may see them is tested under a real Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from operators.reports_plugin import HEADERS, ReportsPlugin, find_report, find_shoppers


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("NITAMONO_HOME", str(home))
    report = home / "reports" / "b1"
    report.mkdir(parents=True)
    for name in ("compare.html", "compare.json", "notes.txt"):
        (report / name).write_text(name)
    (home / "reports" / "compare.html").write_text("no bundle's")
    (tmp_path / "compare.html").write_text("secret")
    return home


def test_reports_are_found(home: Path) -> None:
    for name in ("compare.html", "compare.json"):
        assert find_report("b1", name) == home / "reports" / "b1" / name


@pytest.mark.parametrize(
    ("bundle_id", "name"),
    [
        ("..", "compare.html"),
        ("../..", "compare.html"),
        (".", "compare.html"),
        ("", "compare.html"),
        ("b1", "notes.txt"),
        ("b1", "../b1/compare.html"),
        ("b1", "../../../compare.html"),
        ("b1", "/etc/passwd"),
        ("b1", ""),
        ("b2", "compare.html"),
        ("b1\n", "compare.html"),
        ("b1%2f..", "compare.html"),
    ],
)
def test_nothing_else_is(home: Path, bundle_id: str, name: str) -> None:
    assert find_report(bundle_id, name) is None


def test_the_report_of_what_shoppers_did_is_found(home: Path) -> None:
    assert find_shoppers() is None
    page = home / "shoppers" / "report.html"
    page.parent.mkdir()
    page.write_text("what they did")
    assert find_shoppers() == page


def test_a_link_out_of_the_reports_is_not_followed(home: Path, tmp_path: Path) -> None:
    (home / "reports" / "b3").mkdir()
    (home / "reports" / "b3" / "compare.html").symlink_to(tmp_path / "compare.html")
    (home / "reports" / "b4").symlink_to(tmp_path, target_is_directory=True)
    assert find_report("b3", "compare.html") is None
    assert find_report("b4", "compare.html") is None


def test_the_plugin_is_registered_under_its_name() -> None:
    [entry] = entry_points(group="airflow.plugins", name=ReportsPlugin.name)
    assert entry.load() is ReportsPlugin
    [app] = ReportsPlugin.fastapi_apps
    assert app["url_prefix"] == "/nitamono"


def test_every_page_asks_who_wants_to_see_it(tmp_path: Path) -> None:
    listing = (
        "from fastapi.routing import APIRoute; from operators.reports_plugin import _application\n"
        "for route in _application().routes:\n"
        "    if isinstance(route, APIRoute): print(route.path, len(route.dependencies))"
    )
    done = subprocess.run(
        [sys.executable, "-c", listing],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path / "airflow")},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == [
        "/reports/shoppers/report.html 1",
        "/reports/{bundle_id}/{name} 1",
    ]


def test_a_report_may_run_and_load_nothing() -> None:
    policy = HEADERS["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert not [rule for rule in policy if rule.startswith(("script-src", "connect-src"))]
