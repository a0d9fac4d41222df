"""`nitamono runs`: what every run did, newest first."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from feature_store.cli.text import plain
from feature_store.runs import Run, read_runs
from feature_store.settings import Settings

_KINDS = ("ingest", "upgrade", "index", "upkeep")
_WIDE = 90
_NARROW = {"reused": "re-\nused", "detected": "detec-\nted", "embedded": "embed-\nded"}
"""Headings that are folded where a terminal has fewer columns than `_WIDE`."""

_COUNTS = ("images", "reused", "detected", "embedded", "failed")


@click.command(short_help="What the last runs did, and how long they took.")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--kind", type=click.Choice(_KINDS), help="Only runs of this kind.")
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
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for name in ("started", "kind", "day", "outcome"):
        table.add_column(name, no_wrap=True)
    rows = [[str(getattr(run, name)) for name in _COUNTS] + [f"{run.seconds:.0f}"] for run in shown]
    console = Console()
    folded = _NARROW | {"seconds": "sec"} if console.width < _WIDE else {}
    for name, column in zip((*_COUNTS, "seconds"), zip(*rows, strict=True), strict=True):
        width = max(3, *map(len, column))  # a number is never folded
        heading = folded.get(name, name)
        table.add_column(heading, justify="right", overflow="fold", min_width=width)
    for run, figures in zip(shown, rows, strict=True):
        about = (started(run), kind_of(run), plain(run.ds), plain(run.outcome))
        table.add_row(*about, *figures)
    console.print(table)
    if len(found) > len(shown):
        click.echo(f"{len(found) - len(shown)} more: --last {len(found)} shows them all")


def started(run: Run) -> str:
    """Return when a run started, in UTC: month, day and minute, for the log holds one year."""
    return plain(run.started_at[5:16].replace("T", " "))


def kind_of(run: Run) -> str:
    """Return a run's kind, and under it its step where it has several."""
    return plain(run.kind) + (f"\n{plain(str(run.detail['step']))}" if "step" in run.detail else "")
