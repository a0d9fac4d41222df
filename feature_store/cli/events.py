"""`nitamono events`: what shoppers clicked and bought, and which of two bundles they click more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from feature_store.cli.text import counted, day_of, plain
from feature_store.settings import Settings

if TYPE_CHECKING:
    from feature_store.events import Overview
    from feature_store.events.overview import Place, Shown
    from feature_store.events.shares import Share

_ROWS = 12
"""Bundles and positions listed on the terminal; --json and the report have more."""


@click.command(short_help="What shoppers clicked, by position and bundle; compare two.")
@click.argument("bundles", nargs=-1, metavar="[BEFORE] [AFTER]")
@click.option("--last", default=28, show_default=True, type=click.IntRange(1), help="Days shown.")
@click.option("--count", "day", metavar="DAY", help="Count this day first, as the DAG does.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def events(bundles: tuple[str, ...], last: int, day: str | None, as_json: bool) -> None:
    """Say what shoppers clicked and bought, on the newest days that were counted.

    With two bundles' ids: which of them is clicked more, on the days on which both were shown.
    `live` is the live one; one id alone is compared with it. Intervals are of 95 %. The report has
    a chart: shoppers/report.html under NITAMONO_HOME.
    """
    from feature_store.events import open_summaries

    if len(bundles) > 2:
        raise click.UsageError("name two bundles at most")
    settings = Settings.from_environment()
    if day is not None:
        _count(settings, day_of(day))
    days = open_summaries(settings).days()[-last:]
    if bundles:
        _compare(settings, bundles, days, as_json=as_json)
    else:
        _show(settings, days, as_json=as_json)


def _count(settings: Settings, day: str) -> None:
    from feature_store.events import gather_events, report_events, summarise_events

    found = gather_events(settings, day)
    for each in found.days:
        told = summarise_events(settings, each)
        click.echo(f"{each}: {told['counted']:,} of {told['events']:,} events count", err=True)
    if not found.days:
        click.echo(f"{day}: no event has come", err=True)
    click.echo(f"see {report_events(settings)}", err=True)


def _compare(
    settings: Settings, bundles: Sequence[str], days: Sequence[str], *, as_json: bool
) -> None:
    from feature_store.bundle.opening import registry_of
    from feature_store.errors import NoBundleError
    from feature_store.events import compare_shown, open_summaries

    names = ["live", *bundles][-2:]
    if "live" in names:
        live = registry_of(settings).current()
        if live is None:
            raise NoBundleError(f"nothing is live in {settings.bundles} yet; name two bundles")
        names = [live if name == "live" else name for name in names]
    found = compare_shown(open_summaries(settings), names[0], names[1], days)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{names[0]} → {names[1]}, {counted(len(found.days), 'day')}")
    console.print(_bundles_table([found.before, found.after]))
    for sentence in found.sentences():
        console.print(sentence, style="bold")


def _show(settings: Settings, days: Sequence[str], *, as_json: bool) -> None:
    from feature_store.events import open_summaries, read_overview

    overview = read_overview(open_summaries(settings), days)
    if as_json:
        click.echo(json.dumps(overview.to_dict(), indent=2))
    elif not days:
        click.echo("no day has been counted yet: the DAG shopper_events does, or --count DAY")
    else:
        _print(overview)


def _print(overview: Overview) -> None:
    console = Console(soft_wrap=True, highlight=False)
    bundles = overview.bundles[-_ROWS:]
    console.print(
        f"{overview.days[0]} to {overview.days[-1]}: {counted(len(overview.days), 'day')}"
    )
    console.print(_bundles_table(bundles))
    if len(overview.bundles) > len(bundles):
        console.print(f"{len(overview.bundles) - len(bundles)} older bundles are not listed")
    console.print(_places_table(overview.places[:_ROWS]))
    for reason, count in overview.aside.items():
        if count:
            console.print(f"{counted(count, 'event')} do not count: {_because(reason)}")


def _bundles_table(bundles: Sequence[Shown]) -> Table:
    table = _table("bundle", "days", "answers", "clicked", "95 %", "bought", "95 %")
    for shown in bundles:
        figures = (str(len(shown.days)), f"{shown.clicks.of:,}")
        table.add_row(plain(shown.bundle), *figures, *_cells(shown.clicks, shown.conversions))
    return table


def _places_table(places: Sequence[Place]) -> Table:
    table = _table("position", "seen", "clicked", "95 %", "bought", "95 %")
    for place in places:
        cells = _cells(place.clicks, place.conversions)
        table.add_row(str(place.position), f"{place.clicks.of:,}", *cells)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(*shares: Share) -> list[str]:
    from feature_store.events.verdict import percent

    cells: list[str] = []
    for share in shares:
        low, high = (100 * value for value in share.interval)
        cells += [percent(share), f"{low:.2f} to {high:.2f}"]
    return cells


def _because(reason: str) -> Any:
    from feature_store.events.sound import ASIDE

    return ASIDE.get(reason, plain(reason))
