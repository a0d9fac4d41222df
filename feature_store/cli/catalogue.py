"""`nitamono catalogue`: read a catalogue as the pipeline would, before the pipeline does."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from feature_store.cli.text import counted, day_of, plain
from feature_store.errors import SettingsError
from feature_store.settings import Settings

_SHOWN = 50


@click.group()
def catalogue() -> None:
    """Look at a catalogue before it is ingested."""


@catalogue.command()
@click.argument("location", required=False)
@click.option("--day", help="The day to put for {ds} in the location, YYYY-MM-DD.")
def check(location: str | None, day: str | None) -> None:
    """Say how many rows of LOCATION (default: NITAMONO_CATALOGUE) can be used, and why not.

    Exits with status 1 when a row is refused.
    """
    from feature_store.catalogue import read_catalogue

    settings = Settings.from_environment()
    where = location or settings.catalogue_location
    if not where:
        raise SettingsError("there is no catalogue: name one, or set NITAMONO_CATALOGUE")
    if day:
        where = where.replace("{ds}", day_of(day))
    elif "{ds}" in where:
        raise SettingsError(f"{where} has a file for each day: say which with --day")
    read = read_catalogue(where, settings.catalogue)
    console = Console()
    console.print(
        f"{counted(read.items.num_rows, 'item')} can be used, "
        f"{counted(read.rejected.num_rows, 'row')} cannot, in {read.source}",
        markup=False,
    )
    if read.rejected.num_rows == 0:
        return
    table = Table("item", "why not")
    for row in read.rejected.slice(0, _SHOWN).to_pylist():
        table.add_row(plain(row["item_id"]), plain(row["detail"]))
    console.print(table)
    if read.rejected.num_rows > _SHOWN:
        click.echo(f"{read.rejected.num_rows - _SHOWN} more")
    raise SystemExit(1)
