"""`nitamono ledger` and `nitamono requeue`: what could not be used, why, and try it again."""

from __future__ import annotations

import datetime as dt
import json

import click
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Column, Table

from feature_store.cli.text import counted, plain
from feature_store.errors import StoreError
from feature_store.schemas import REASONS
from feature_store.settings import Settings

_SHOWN = 200


@click.command(short_help="What could not be used, and why.")
@click.option("--day", help="What the last run of this day found, also if its gate refused it.")
@click.option("--dead", is_flag=True, help="Only images that no run tries again by itself.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON, one object a line.")
def ledger(day: str | None, dead: bool, as_json: bool) -> None:
    """List the images and catalogue rows that could not be used, with reasons.

    Without --day: those of the items in the store, and the rows that its newest day rejected.
    """
    from feature_store.ingest import dead_letters

    settings = Settings.from_environment()
    rows = _of_day(day, settings) if day else _of_store(settings)
    failed = rows.filter(pc.equal(rows["status"], "failed"))
    if dead:
        failed = dead_letters(failed, settings.ingest)
    if as_json:
        for row in failed.to_pylist():
            click.echo(json.dumps(row, ensure_ascii=False, default=_as_text))
        return
    if dead:
        left = counted(failed.num_rows, "image")
        click.echo(f"left alone until the file changes, or 'nitamono requeue': {left}")
    else:
        click.echo(failures(rows))
    if failed.num_rows:
        _show(failed)


@click.command(short_help="Have items looked at again by the next run.")
@click.argument("items", metavar="[ITEM_ID]...", nargs=-1)
@click.option(
    "--reason", type=click.Choice([*REASONS]), help="All items with an image that failed so."
)
@click.option("--all", "everything", is_flag=True, help="All items with an image that failed.")
def requeue(items: tuple[str, ...], reason: str | None, everything: bool) -> None:
    """Have the images of items looked at again by the next run of the newest day.

    Whatever became of them before; their attempts are counted anew.
    """
    from feature_store.ingest import requeue_items

    if not (items or reason or everything):
        raise click.UsageError("name items, or give --reason or --all")
    settings = Settings.from_environment()
    rows = _of_store(settings)
    live = set(rows.filter(pc.greater_equal(rows["image_index"], 0))["item_id"].to_pylist())
    unknown = [item for item in items if item not in live]
    if unknown:
        raise StoreError(f"{plain(unknown[0])} is no live item of the store; check the id")
    failed = dict.fromkeys(items)
    if reason or everything:
        failed.update(dict.fromkeys(_failed_items(rows, reason)))
    count = requeue_items(settings.home, failed)
    if count:
        said = counted(count, "item")
        click.echo(f"{said} will be looked at again by the next run of the newest day")
    else:
        click.echo("no item has an image that failed so: there is nothing to look at again")


def _failed_items(rows: pa.Table, reason: str | None) -> list[str]:
    failed = pc.equal(rows["status"], "failed")
    if reason:
        failed = pc.and_(failed, pc.equal(rows["reason"], reason))
    of_images = pc.greater_equal(rows["image_index"], 0)
    found: list[str] = rows.filter(pc.and_(failed, of_images))["item_id"].to_pylist()
    return found


def _show(failed: pa.Table) -> None:
    item, particulars = Column("item", overflow="fold"), Column("particulars", overflow="fold")
    table = Table(item, "image", "reason", "tries", "last try", particulars)
    for row in failed.slice(0, _SHOWN).to_pylist():
        number = "" if row["image_index"] < 0 else str(row["image_index"])
        tries = "" if row["attempts"] is None else str(row["attempts"])
        last = f"{row['tried_at']:%Y-%m-%d %H:%M}" if row["tried_at"] else ""
        words = (plain(row["item_id"]), number, row["reason"], tries, last, plain(row["detail"]))
        table.add_row(*words)
    Console().print(table)
    if failed.num_rows > _SHOWN:
        click.echo(f"{failed.num_rows - _SHOWN} more: --json lists them all")


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.datetime) else str(value)


def failures(rows: pa.Table) -> str:
    """Say how many images and catalogue rows of a ledger (schema LEDGER) could not be used."""
    images = rows.filter(pc.greater_equal(rows["image_index"], 0))
    failed = images.filter(pc.equal(images["status"], "failed")).num_rows
    rejected = rows.num_rows - images.num_rows
    whole = counted(images.num_rows, "image")
    return f"could not be used: {failed:,} of {whole}, {counted(rejected, 'catalogue row')}"


def _of_day(day: str, settings: Settings) -> pa.Table:
    from feature_store.ingest import read_ledger

    return read_ledger(day, settings)


def _of_store(settings: Settings) -> pa.Table:
    from feature_store.tables import open_store

    snapshot = open_store(settings).snapshot()
    if not snapshot.version:
        raise StoreError(f"the store in {settings.home} is empty; ingest a catalogue first")
    images = snapshot.ledger()
    images = images.filter(pc.greater_equal(images["image_index"], 0))
    return pa.concat_tables([images, snapshot.rejected()])
