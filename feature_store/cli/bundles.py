"""`nitamono bundles`, `publish` and `rollback`: what is live, and what could be."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Column, Table

from feature_store.bundle import Registry, open_registry
from feature_store.settings import Settings

_GATE = {True: "passed", False: "failed", None: "not judged yet"}


def _registry() -> Registry:
    settings = Settings.from_environment()
    return open_registry(settings.bundles, settings.home / "bundles")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def bundles(as_json: bool) -> None:
    """List the bundles, newest first; the live one is marked."""
    registry = _registry()
    live = registry.current()
    rows = registry.list()
    if as_json:
        listed = [asdict(row) | {"live": row.bundle_id == live} for row in rows]
        click.echo(json.dumps(listed, indent=2, default=str))
        return
    name = Column(
        "bundle", no_wrap=True, min_width=max((len(r.bundle_id) for r in rows), default=0)
    )
    table = Table("", name, "items", "regions", "snapshot", "MB", "gate")
    for row in rows:
        table.add_row(
            "live" if row.bundle_id == live else "",
            row.bundle_id,
            str(row.items),
            str(row.regions),
            str(row.snapshot_version),
            f"{row.size_bytes / 1e6:.1f}",
            _GATE[row.gate_passed],
        )
    Console().print(table if rows else "no bundle yet: run `nitamono index`")


@click.command(short_help="Make a bundle the live one, after verifying it.")
@click.argument("bundle_id")
def publish(bundle_id: str) -> None:
    """Make BUNDLE_ID the live bundle, after verifying every byte of it.

    Where bundles are published in a bucket, it is sent there first, as far as it is not there.
    """
    _registry().publish(bundle_id)
    click.echo(f"live: {bundle_id}")


@click.command(short_help="Make the previous bundle the live one again.")
@click.argument("bundle_id", required=False)
def rollback(bundle_id: str | None) -> None:
    """Make the previously published bundle (or BUNDLE_ID) the live one again.

    Until the next build: the nightly run publishes what the store holds, so pause the DAG
    similarity_index to stay with this bundle.
    """
    click.echo(f"live: {_registry().rollback(bundle_id)}")
    click.echo("until the next build; pause the DAG similarity_index to stay with it", err=True)
