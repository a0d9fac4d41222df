"""`nitamono ingest` and `nitamono index`: a stage by hand, without Airflow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from feature_store.cli.ledger import failures
from feature_store.cli.text import counted, day_of
from feature_store.schemas import DataInterval
from feature_store.settings import Settings

if TYPE_CHECKING:
    from feature_store.nightly.stopwatch import Step


def _settings(catalogue: str | None) -> Settings:
    settings = Settings.from_environment()
    return replace(settings, catalogue_location=catalogue) if catalogue else settings


def _for_other_days(settings: Settings) -> Settings:
    """A catalogue given for one day counts for others only if it names the day, with {ds}."""
    if "{ds}" in settings.catalogue_location:
        return settings
    usual = Settings.from_environment().catalogue_location
    return replace(settings, catalogue_location=usual)


@click.command(short_help="Write one day's partition of the feature store.")
@click.option("--day", required=True, help="The partition to write, YYYY-MM-DD (UTC).")
@click.option("--catalogue", help="Read this instead of NITAMONO_CATALOGUE; {ds} is the day.")
def ingest(day: str, catalogue: str | None) -> None:
    """Write one day's partition of the feature store: plan, extract, check, commit.

    Later days that were planned before it came are planned anew, if the catalogue names the day.
    """
    from feature_store.ingest import ingest_partition, read_ledger, replay_later_days

    interval = DataInterval.day(day_of(day))
    settings = _settings(catalogue)
    columns = (SpinnerColumn(), *Progress.get_default_columns()[:-1], TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{day}: plan", total=None)

        def report(done: int, total: int) -> None:
            doing = {0: "done", 1: "commit", 2: "check"}.get(total - done, "extract")
            progress.update(task, completed=done, total=total, description=f"{day}: {doing}")

        commit = ingest_partition(interval, settings, progress=report)
    click.echo(
        f"{commit.ds}: {counted(commit.items, 'item')}, {counted(commit.images, 'image')}, "
        f"{counted(commit.regions, 'region')}, {commit.deleted} deleted; "
        f"snapshot version {commit.version}"
    )
    for later in replay_later_days(day, _for_other_days(settings)):
        click.echo(
            f"{later.ds}: planned anew, {counted(later.items, 'item')}, {later.deleted} deleted; "
            f"snapshot version {later.version}"
        )
    rows = read_ledger(commit.ds, settings)
    if "failed" in rows["status"].unique().to_pylist():
        click.echo(f"{failures(rows)}; 'nitamono ledger --day {commit.ds}' says why")


@click.command()
@click.option("--rebuild", is_flag=True, help="Build even if the live bundle is up to date.")
@click.option("--yes", is_flag=True, help="Publish however much would change for shoppers.")
def index(rebuild: bool, yes: bool) -> None:
    """Build, prove and publish a bundle from the current snapshot.

    What would change is drawn first. Where that is more than NITAMONO_COMPARE_MAX_CHURN, the bundle
    is not published, unless with --yes.
    """
    from feature_store.bundle.opening import registry_of
    from feature_store.nightly import build_and_publish, needs_build

    settings = Settings.from_environment()
    console = Console()
    if not (rebuild or needs_build(settings)):
        console.print("the live bundle already holds the current snapshot")
        return
    before = registry_of(settings).current()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    forecast = TextColumn("[dim]{task.fields[forecast]}")
    with Progress(*columns, forecast, console=Console(stderr=True)) as progress:
        told = BuildBar(progress)
        published = build_and_publish(settings, approved=yes, progress=told)
    if published == before:
        console.print(f"{before} is pinned and stays live; 'nitamono bundles' shows the new one")
    else:
        console.print(f"published {published}")


class BuildBar:
    """Shows which step of a build runs, for which segment, and how long all may take."""

    def __init__(self, progress: Progress) -> None:
        """Take the progress display that it is a line of."""
        self._progress = progress
        self._task = progress.add_task("plan", total=None, forecast="")

    def __call__(self, step: Step) -> None:
        """Show where the build is."""
        segment = ""
        if step.segment is not None:  # the catalogue's own word: it may look like a style
            segment = f"segment {escape(step.segment) or '(none)'}: "
        share = f" {step.share:.0%}" if 0 < step.share < 1 else ""
        self._progress.update(self._task, description=f"{segment}{step.name}{share}")
        if step.forecast_seconds is not None:
            minutes = max(1, round(step.forecast_seconds / 60))
            self._progress.update(self._task, forecast=f"forecast: {counted(minutes, 'minute')}")
