"""`nitamono runs`: what every run did, newest first."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Column, Table

from feature_store.cli.text import plain
from feature_store.runs import Run, read_runs
from feature_store.settings import Settings

_COUNTS = ("images", "reused", "detected", "embedded", "failed")


@click.command()
@click.option("--last", default=20, show_default=True, type=click.IntRange(0), help="How many.")
@click.option("--kind", help="Only runs of this kind: ingest, upgrade, index or upkeep.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all that is known of each.")
def runs(last: int, kind: str | None, as_json: bool) -> None:
    """List the last runs, newest first: what each did, and how long it took."""
    found = [r for r in read_runs(Settings.from_environment().home) if kind in (None, r.kind)]
    shown = found[::-1][:last]
    if as_json:
        click.echo(json.dumps([asdict(run) for run in shown], indent=2))
        return
    if not shown:
        click.echo("no run yet")
        return
    right = [Column(name, justify="right") for name in (*_COUNTS, "seconds")]
    table = Table("started", "kind", "day", "outcome", *right)
    for run in shown:
        counts = [str(getattr(run, name)) for name in _COUNTS]
        about = (started(run), kind_of(run), plain(run.ds), plain(run.outcome))
        table.add_row(*about, *counts, f"{run.seconds:.1f}")
    Console().print(table)
    if len(found) > len(shown):
        click.echo(f"{len(found) - len(shown)} more: --last {len(found)} shows them all")


def started(run: Run) -> str:
    """Return a run's start as people write a time: without fractions, in UTC."""
    return plain(run.started_at[:19].replace("T", " "))


def kind_of(run: Run) -> str:
    """Return a run's kind, with its step where it has several."""
    return plain(" ".join(str(part) for part in (run.kind, run.detail.get("step")) if part))
