"""`nitamono ledger`: which images and catalogue rows could not be used, and why."""

from __future__ import annotations

import json

import click
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Column, Table

from feature_store.cli.text import plain
from feature_store.errors import StoreError
from feature_store.settings import Settings

_SHOWN = 200


@click.command()
@click.option("--day", help="What the last run of this day found, also if its gate refused it.")
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON, one object a line.")
def ledger(day: str | None, as_json: bool) -> None:
    """List the images and catalogue rows that could not be used, with reasons.

    Without --day: those of the items in the store, and the rows that its newest day rejected.
    """
    settings = Settings.from_environment()
    rows = _of_day(day, settings) if day else _of_store(settings)
    failed = rows.filter(pc.equal(rows["status"], "failed"))
    if as_json:
        for row in failed.to_pylist():
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(failures(rows))
    if not failed.num_rows:
        return
    console = Console()
    item, particulars = Column("item", overflow="fold"), Column("particulars", overflow="fold")
    table = Table(item, "image", "reason", particulars)
    for row in failed.slice(0, _SHOWN).to_pylist():
        number = "" if row["image_index"] < 0 else str(row["image_index"])
        table.add_row(plain(row["item_id"]), number, row["reason"], plain(row["detail"]))
    console.print(table)
    if failed.num_rows > _SHOWN:
        click.echo(f"{failed.num_rows - _SHOWN} more: --json lists them all")


def failures(rows: pa.Table) -> str:
    """Say how many images and catalogue rows of a ledger (schema LEDGER) could not be used."""
    images = rows.filter(pc.greater_equal(rows["image_index"], 0))
    failed = images.filter(pc.equal(images["status"], "failed")).num_rows
    rejected = rows.num_rows - images.num_rows
    return f"could not be used: {failed} of {images.num_rows} images, {rejected} catalogue rows"


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
