"""The same three days and the same model upgrade, in Delta tables and in BigQuery: one content."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from feature_store.tables.settings import TablesSettings
from tests.end_to_end.conftest import DAYS, NITAMONO, Shop, environment


class Home:
    """A home of its own, whose commands all see the same settings."""

    def __init__(self, folder: Path, shop: Shop, tables: Mapping[str, str]) -> None:
        self._environment = {**environment(folder, shop.catalogue), **tables}

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*NITAMONO, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tell(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture
def homes(tmp_path: Path, shop: Shop, bigquery_tables: TablesSettings) -> list[Home]:
    in_bigquery = {
        f"NITAMONO_TABLES_{name}".upper(): value
        for name, value in asdict(bigquery_tables).items()
        if value
    }
    return [
        Home(tmp_path / "delta", shop, {}),
        Home(tmp_path / "bigquery", shop, in_bigquery),
    ]


def told(home: Home) -> dict[str, Any]:
    """What must be the same in both."""
    state = home.tell("status")
    same = ("content_hash", "items", "images", "images_indexed", "partitions", "extractors")
    return {name: state[name] for name in same}


def test_three_days_with_deletions_and_a_model_upgrade_are_the_same_in_both(
    homes: list[Home], shop: Shop
) -> None:
    def lines(day: str) -> set[str]:
        rows = Path(shop.catalogue.format(ds=day)).read_text().splitlines()[1:]
        return {row.partition(",")[0] for row in rows}

    assert lines(DAYS[0]) - lines(DAYS[-1]), "the demo shop should take items out of its catalogue"
    for home in homes:
        for day in DAYS:
            home.run("ingest", "--day", day)
    before = [told(home) for home in homes]
    assert before[0] == before[1]
    assert before[0]["items"] == len(lines(DAYS[-1]))
    for home in homes:
        home.run("models", "upgrade", "efficientnet-lite0")
    after = [told(home) for home in homes]
    assert after[0] == after[1]
    assert after[0]["content_hash"] != before[0]["content_hash"]
    assert len(after[0]["extractors"]) == 2
    for home in homes:
        [upgrade] = [run for run in home.tell("runs") if run["kind"] == "upgrade"]
        assert (upgrade["detected"], upgrade["failed"]) == (0, 0)
        assert upgrade["embedded"] > 0
