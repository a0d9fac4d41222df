"""`nitamono ingest` and `nitamono index`: a stage by hand, without Airflow."""

from __future__ import annotations

from dataclasses import replace

import click
from rich.console import Console
from rich.progress import Progress

from feature_store.cli.ledger import failures
from feature_store.schemas import DataInterval
from feature_store.settings import Settings


def _settings(catalogue: str | None) -> Settings:
    settings = Settings.from_environment()
    return replace(settings, catalogue_location=catalogue) if catalogue else settings


def _for_other_days(settings: Settings) -> Settings:
    """A catalogue given for one day counts for others only if it names the day, with {ds}."""
    if "{ds}" in settings.catalogue_location:
        return settings
    usual = Settings.from_environment().catalogue_location
    return replace(settings, catalogue_location=usual)


@click.command()
@click.option("--day", required=True, help="The partition to write, YYYY-MM-DD (UTC).")
@click.option("--catalogue", help="Read this instead of NITAMONO_CATALOGUE; {ds} is the day.")
def ingest(day: str, catalogue: str | None) -> None:
    """Write one day's partition of the feature store: plan, extract, check, commit.

    Later days that were planned before it came are planned anew, if the catalogue names the day.
    """
    from feature_store.ingest import ingest_partition, read_ledger, replay_later_days

    try:
        interval = DataInterval.day(day)
    except ValueError as error:
        raise click.BadParameter(f"{day!r} is not a date; write YYYY-MM-DD") from error
    settings = _settings(catalogue)
    console = Console(stderr=True)
    with Progress(console=console) as progress:
        task = progress.add_task(f"ingest {day}", total=None)
        commit = ingest_partition(
            interval,
            settings,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    click.echo(
        f"{commit.ds}: {commit.items} items, {commit.images} images, {commit.regions} regions, "
        f"{commit.deleted} deleted; snapshot version {commit.version}"
    )
    for later in replay_later_days(day, _for_other_days(settings)):
        click.echo(
            f"{later.ds}: planned anew, {later.items} items, {later.deleted} deleted; "
            f"snapshot version {later.version}"
        )
    rows = read_ledger(commit.ds, settings)
    if "failed" in rows["status"].unique().to_pylist():
        click.echo(f"{failures(rows)}; 'nitamono ledger --day {commit.ds}' says why")


@click.command()
@click.option("--rebuild", is_flag=True, help="Build even if the live bundle is up to date.")
def index(rebuild: bool) -> None:
    """Build, prove and publish a bundle from the current snapshot."""
    from feature_store.nightly import build_and_publish, needs_build

    settings = Settings.from_environment()
    console = Console()
    if not (rebuild or needs_build(settings)):
        console.print("the live bundle already holds the current snapshot")
        return
    with Console(stderr=True).status("building the index …"):
        published = build_and_publish(settings)
    console.print(f"published {published}")
