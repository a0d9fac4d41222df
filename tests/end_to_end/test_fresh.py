"""An arrival and a deletion under a real scheduler, as shoppers see them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.benchmarks.fresh import SERVICE, Shop, running_shop


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    assert SERVICE.is_file(), f"{SERVICE} is missing; 'make test' installs it"
    with running_shop(tmp_path_factory.mktemp("fresh"), 1, lambda _message: None) as shop:
        yield shop


def test_an_arrival_is_found_and_a_deletion_gone_between_two_nights(running: Shop) -> None:
    took = running.measure()  # which waits until both are so
    assert 0 < took.tier_seconds <= min(took.found_seconds, took.gone_seconds)
    runs = running.airflow.wait_for_runs("fresh_items", 1, lambda _message: None)
    assert {run["run_type"] for run in runs} == {"asset_triggered"}
    bundles = running.home / "bundles"
    assert (
        len([path for path in bundles.iterdir() if path.name[0].isalnum() and path.is_dir()]) == 1
    )
