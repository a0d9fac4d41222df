"""`nitamono status`: what the store and the live bundle hold, as a table or as JSON."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from feature_store.cli.state import read_status
from feature_store.cli.text import aged, counted, plain, share, sized
from feature_store.settings import Settings

State = dict[str, Any]
Line = tuple[str, str]


@click.command(short_help="Store, ledger, models and live bundle: how full, how fresh.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def status(as_json: bool) -> None:
    """Show the store, its ledger, the extractors, the live bundle, the last runs, and sizes."""
    state = read_status(Settings.from_environment())
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    table = Table("", "", Column(overflow="fold"), show_header=False)
    for group, lines in (
        ("store", _store(state)),
        ("catalogue", _catalogue(state)),
        ("extractors", _extractors(state)),
        ("bundle", _bundle(state)),
        ("last runs", _runs(state)),
        ("sizes", _sizes(state)),
    ):
        table.add_section()
        for number, (name, told) in enumerate(lines):
            table.add_row("" if number else group, name, told)
    Console().print(table)


def _store(state: State) -> Iterator[Line]:
    yield "where", plain(f"{state['store_location']} ({state['store']})")
    if not state["partition_count"]:
        yield "", "nothing is in it yet: ingest a catalogue"
        return
    yield "snapshot", f"version {state['snapshot_version']}, {state['content_hash'][:12]}"
    days = (state["first_partition"], state["newest_partition"])
    yield "partitions", f"{state['partition_count']:,}: {' to '.join(dict.fromkeys(days))}"
    if state["changed_at"]:
        at = state["changed_at"][:16].replace("T", " ")
        yield "last change", f"{at} UTC, {aged(state['age_seconds'])}"
    if state["stale_days"]:
        late = ", ".join(state["stale_days"])
        yield "stale", f"days after {late} are to be planned anew: ingest {late} again"


def _catalogue(state: State) -> Iterator[Line]:
    yield "items", f"{state['items']:,}"
    images, indexed = state["images"], state["images_indexed"]
    yield "images", f"{images:,}, of which {indexed:,} indexed{share(indexed, images)}"
    if state["failed_by_reason"]:
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in state["failed_by_reason"].items())
        yield "failed", reasons
        yield "", f"{state['will_be_retried']:,} will be tried again"
        yield "", f"{state['dead_letters']:,} wait for a person: 'nitamono ledger --dead'"
    if state["ledger_adds_up"] is not None:
        yield "ledger", "adds up" if state["ledger_adds_up"] else "DOES NOT ADD UP"
    if state["rows_rejected"]:
        yield "rows refused", f"{state['rows_rejected']:,}: 'nitamono ledger' says why"


def _extractors(state: State) -> Iterator[Line]:
    yield "active", plain(state["model_active"])
    if state["models_kept"]:
        yield "kept", plain(", ".join(state["models_kept"]))
    for number, (identity, covered) in enumerate(state["extractor_coverage"].items()):
        described, indexed = covered["described"], covered["indexed"]
        yield "" if number else "described", plain(identity)
        yield (
            "",
            f"  {described:,} of {indexed:,} images{share(described, indexed)}, "
            f"{covered['regions']:,} regions",
        )


def _bundle(state: State) -> Iterator[Line]:
    live = state["live_bundle"]
    if live is None:
        yield "live", "none yet: run 'nitamono index'"
        return
    yield "live", plain(live)
    if state["live_bundle_created_at"] is None:
        yield "", "it cannot be read"
        return
    created = dt.datetime.fromisoformat(state["live_bundle_created_at"])
    now = dt.datetime.now(dt.UTC)
    same = "the current snapshot" if state["live_bundle_is_current"] else "an older snapshot"
    yield "", f"of {same}, made {aged((now - created).total_seconds())}"
    yield "", f"{state['live_bundle_items']:,} items, {state['live_bundle_regions']:,} regions"
    yield "", f"under {plain(state['live_bundle_extractor'])}"
    yield from _fresh(state)
    if state["pinned_since"] is not None:
        since = state["pinned_since"][:16].replace("T", " ")
        yield "pinned", f"since {plain(since)} UTC: builds publish nothing until 'nitamono unpin'"
    if state["canary_bundle"]:
        share = f"{100 * state['canary_share']:.3g} % of all questions"
        yield "canary", f"{plain(state['canary_bundle'])}, {share}"
    if state["previous_bundle"]:
        yield "before", plain(state["previous_bundle"])


def _fresh(state: State) -> Iterator[Line]:
    if state["fresh_tier"] is None:
        return
    version = state["fresh_tier_snapshot_version"]
    current = "the current one" if version == state["snapshot_version"] else "an older one"
    told = f"tier {plain(state['fresh_tier'])}, up to snapshot {version} ({current})"
    yield "fresh", told
    if state["fresh_tier_waiting"]:
        yield "", f"{counted(state['fresh_tier_waiting'], 'item')} not described yet"


def _runs(state: State) -> Iterator[Line]:
    if not state["last_runs"]:
        yield "", "none yet"
    for kind, run in sorted(state["last_runs"].items()):
        started = dt.datetime.fromisoformat(run["started_at"])
        now = dt.datetime.now(started.tzinfo)
        day = f"{run['ds']} " if run["ds"] else ""
        ago = aged((now - started).total_seconds())
        yield plain(kind), f"{plain(day)}{plain(run['outcome'])}, {ago}"


def _sizes(state: State) -> Iterator[Line]:
    live, kept = state["store_live_bytes"], state["store_kept_bytes"]
    yield "store", f"{sized(live)} in {state['store_live_files']:,} files"
    if kept > live:
        yield "history", f"{sized(kept - live)} more"
    yield "bundles", f"{sized(state['bundles_bytes'])} in {counted(state['bundles'], 'bundle')}"
    yield "thumbnails", f"{sized(state['thumbnails_bytes'])} in {state['thumbnails_files']:,} files"
    if state["staging_bytes"]:
        yield "staging", f"{sized(state['staging_bytes'])} in {state['staging_files']:,} files"
