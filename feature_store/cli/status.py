"""`nitamono status`: what the store and the live bundle hold, as a table or as JSON."""

from __future__ import annotations

import json
from typing import Any

import click
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from feature_store.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(as_json: bool) -> None:
    """Show the store's snapshot, its ledger and the live bundle."""
    state = read_status(Settings.from_environment())
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    table = Table("", "", show_header=False)
    for name, value in state.items():
        shown = (
            ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        )
        table.add_row(name.replace("_", " "), str(shown))
    Console().print(table)


def read_status(settings: Settings) -> dict[str, Any]:
    """Return the state of `settings.home` as plain values, ready for JSON."""
    from feature_store.bundle import BundleRegistry
    from feature_store.tables import open_store

    store = open_store(settings)
    snapshot = store.snapshot()
    ledger = snapshot.ledger()
    counted = ledger.filter(pc.greater_equal(ledger["image_index"], 0))
    indexed = pc.sum(pc.equal(counted["status"], "indexed")).as_py() or 0
    failed = counted.filter(pc.equal(counted["status"], "failed"))
    reasons = {
        row["values"]: row["counts"] for row in pc.value_counts(failed["reason"]).to_pylist()
    }
    registry = BundleRegistry(settings.home / "bundles")
    live = registry.current()
    return {
        "home": str(settings.home),
        "snapshot_version": snapshot.version,
        "content_hash": snapshot.content_hash,
        "partitions": [commit.ds for commit in store.commits()],
        "items": snapshot.items().num_rows,
        "images": counted.num_rows,
        "images_indexed": indexed,
        "failed_by_reason": reasons,
        "rows_rejected": snapshot.rejected().num_rows,
        "coverage": round(indexed / counted.num_rows, 4) if counted.num_rows else None,
        "extractors": snapshot.extractors(),
        "live_bundle": live,
    }
