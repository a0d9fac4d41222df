"""The alert rules, as promtool judges them and their own tests exercise them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.prometheus_process import DOCKER, ROOT, promtool

RULES = DOCKER / "alerts.yml"
TESTS = MINUTES, DAYS = DOCKER / "alerts.test.yml", DOCKER / "alerts.days.test.yml"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_promtool_finds_no_fault() -> None:
    for done in (
        promtool("check", "rules", "--lint-fatal", RULES),
        promtool("check", "config", DOCKER / "prometheus.yml"),
    ):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    done = promtool("test", "rules", *TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("test", "was", "becomes"),
    [
        (MINUTES, r"for: 30m", "for: 40m"),
        (MINUTES, r"rate1h > 14\.4 \* 0\.001", "rate1h > 0.044"),
        (MINUTES, r"rate5m > 14\.4 \* 0\.001", "rate5m >= 0"),
        (MINUTES, r"rate30m > 6 \* 0\.001", "rate30m >= 0"),
        (MINUTES, r'status=~"5\.\."', 'status=~"4.."'),
        (MINUTES, r"up\{job=\"nitamono\"\} == 0 or ", ""),
        (MINUTES, r"or absent\(.*\)", ""),
        (MINUTES, r"> 0\.1\b", "> 0.3"),
        (MINUTES, r"\[15m\]\) > 3", "[15m]) > 30"),
        (MINUTES, r'outcome="lost"', 'outcome="accepted"'),
        (DAYS, r"26 \* 3600", "27 * 3600"),
        (DAYS, r"rate6h > 6 \* 0\.001", "rate6h > 0.06"),
        (DAYS, r"rate3d > 0\.001", "rate3d > 0.01"),
        (DAYS, r"rate6h > 0\.001", "rate6h >= 0"),
    ],
)
def test_a_rule_that_is_wrong_is_noticed(
    tmp_path: Path, test: Path, was: str, becomes: str
) -> None:
    wrong, count = re.subn(was, becomes, RULES.read_text())
    assert count, f"there is no {was}"
    (tmp_path / "alerts.yml").write_text(wrong)
    assert promtool("check", "rules", tmp_path / "alerts.yml").returncode == 0
    assert promtool("test", "rules", shutil.copy(test, tmp_path)).returncode == 1


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names)) >= 9
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description", "action"}
        for text in rule["annotations"].values():
            assert text.endswith("."), text


def test_what_an_alert_tells_to_look_for_in_the_log_is_there() -> None:
    named = set(re.findall(r"with the event (\w+)", RULES.read_text()))
    said = "".join(path.read_text() for path in (ROOT / "serving").glob("*.py"))
    assert named
    assert [name for name in sorted(named) if f'event("{name}"' not in said] == []


def test_each_alert_has_a_test_in_which_it_fires() -> None:
    text = "".join(path.read_text() for path in TESTS)
    for rule in alerts():
        assert re.search(rf"alertname[=:] ?\"?{rule['alert']}\b", text), rule["alert"]
