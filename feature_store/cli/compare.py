"""`nitamono compare`: what changed between two bundles, why, and which of them is better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from feature_store.cli.text import counted, plain
from feature_store.errors import SettingsError
from feature_store.settings import Settings

if TYPE_CHECKING:
    from feature_store.compare import Comparison
    from feature_store.compare.judgements import Tally

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

CATEGORIES = 5
"""The most changed categories named on the terminal; the report has more."""


@click.command(short_help="Say what changed between two bundles, and why.")
@click.argument("bundles", nargs=-1, metavar="[BEFORE] [AFTER]")
@click.option("--item", "items", multiple=True, metavar="ID", help="Show this item, too; repeat.")
@click.option("--queries", type=_FILE, help="A file with one item's id a line: show or judge them.")
@click.option("--judge", is_flag=True, help="Open a page on which a person says which is better.")
@click.option("--port", default=0, help="Where that page is, on 127.0.0.1; 0: any free port.")
@click.option("--tally", is_flag=True, help="Print what has been judged so far.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def compare(
    bundles: tuple[str, ...],
    items: tuple[str, ...],
    queries: Path | None,
    **how: int | bool,
) -> None:
    """Say what would change for shoppers if bundle AFTER took the place of BEFORE, and why.

    Both are bundles' ids, or `live`. One alone is compared with the live bundle; none: the newest
    with the live one. The report has pictures: reports/AFTER/compare.html under NITAMONO_HOME.
    """
    from feature_store.bundle.opening import registry_of
    from feature_store.compare.opening import LIVE, choose_pair

    if len(bundles) > 2:
        raise click.UsageError("name two bundles at most")
    settings = Settings.from_environment()
    before, after = (LIVE, *bundles)[-2:] if bundles else ("", "")
    pair = choose_pair(registry_of(settings), before, after)
    asked = [*items, *_read_queries(queries)]
    if how["tally"]:
        _print_tally(settings, pair, as_json=bool(how["as_json"]))
    elif how["judge"]:
        _judge(settings, pair, asked, how["port"])
    else:
        _compare(settings, pair, asked, as_json=bool(how["as_json"]))


def _read_queries(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is no UTF-8 text: {error}") from error
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise SettingsError(f"{path} names no item; write one id a line")
    return found


def _compare(settings: Settings, pair: tuple[str, str], asked: list[str], *, as_json: bool) -> None:
    from feature_store.compare import compare_bundles

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(f"compare {pair[0]} with {pair[1]}", total=None)
        found = compare_bundles(settings, *pair, asked)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)


def _print(found: Comparison) -> None:
    from feature_store.compare import explain
    from feature_store.compare.comparison import CAUSES, percent

    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{found.before} → {found.after}")
    console.print(explain(found.summary()), style="bold")
    came, went = found.items_after - found.items_both, found.items_before - found.items_both
    changed = counted(found.items_changed, "item")
    console.print(f"{changed} of {found.items_both:,} changed; {came:,} came, {went:,} went")
    table = Table("cause", "share", "lost", "gained", "")
    for name, cause in found.causes.items():
        if cause.share:
            figures = (percent(cause.share), f"{cause.lost:,}", f"{cause.gained:,}")
            table.add_row(name, *figures, CAUSES[name])
    if table.row_count:
        console.print(table)
    most = [entry for entry in found.categories[:CATEGORIES] if entry.churn]
    if most:
        named = (f"{plain(e.category) or '(none)'} {percent(e.churn)}" for e in most)
        console.print(f"most changed: {', '.join(named)}")
    click.echo(f"see {found.report}")


def _judge(settings: Settings, pair: tuple[str, str], asked: list[str], port: int) -> None:
    from feature_store.bundle.opening import registry_of
    from feature_store.compare.judge import JudgeServer
    from feature_store.compare.judgements import Judgements
    from feature_store.compare.opening import opened
    from feature_store.compare.sides import Pair
    from feature_store.compare.trials import Trials

    registry = registry_of(settings)
    judgements = Judgements(settings.home, *pair)
    with opened(registry, pair[0]) as old, opened(registry, pair[1]) as new:
        sides, hits = Pair(old, new), settings.compare.hits
        trials = Trials(sides, judgements, hits, settings.thumbnails, asked)
        try:
            server = JudgeServer(trials, port)
        except OSError as error:
            raise SettingsError(f"port {port} cannot be used: {error.strerror}") from error
        click.echo(f"{counted(trials.left, 'question')} at {server.address}; Ctrl-C ends it")
        with server:
            try:
                server.serve_forever(poll_interval=0.2)
            except KeyboardInterrupt:
                click.echo()
    _print_tally(settings, pair, as_json=False)


def _print_tally(settings: Settings, pair: tuple[str, str], *, as_json: bool) -> None:
    from feature_store.compare.judgements import Judgements

    judgements = Judgements(settings.home, *pair)
    tally = judgements.tally()
    if as_json:
        named = {"before_bundle": pair[0], "after_bundle": pair[1], "file": str(judgements.path)}
        click.echo(json.dumps({**named, **tally.to_dict()}, indent=2))
        return
    click.echo(_tallied(pair, tally))


def _tallied(pair: tuple[str, str], tally: Tally) -> str:
    return (
        f"{pair[0]} better: {tally.before}; {pair[1]} better: {tally.after}; "
        f"equal: {tally.equal}; skipped: {tally.skip}\n{tally.sentence()}"
    )
