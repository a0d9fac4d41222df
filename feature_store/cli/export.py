"""`nitamono export`: bring a bundle's regions to engines on other machines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from feature_store.bundle import Registry
from feature_store.bundle.format import verify_gate
from feature_store.bundle.opening import registry_of
from feature_store.cli.text import counted, plain, sized
from feature_store.errors import BundleError, NoBundleError, SettingsError
from feature_store.settings import Settings

if TYPE_CHECKING:
    from feature_store.engines.vald import Exported, Refusal

SHOWN = 20
"""Refused vectors that are listed by name."""

_BUNDLE = click.option("--bundle", "bundle_id", metavar="ID", help="Not the live one, but this.")

_PARAMETERS = {
    "first_day": "DATE, the oldest day of the snapshot",
    "last_day": "DATE, its newest day",
    "versions": "ARRAY<INT64>, the commits that the snapshot is made of",
    "extractor": "STRING, as the bundle's manifest names it",
    "mean": "ARRAY<FLOAT64>, the extractor's numbers of the bundle's mean.npy",
    "weight": "FLOAT64, as the bundle's manifest has it",
    "questions": "ARRAY<STRING>, a centred unit vector each: its numbers with commas",
    "in_stock": "BOOL",
    "segment": "STRING",
}


@click.group(short_help="Bring a bundle's regions to engines on other machines.")
def export() -> None:
    """Bring a bundle's regions to engines on other machines: a Vald cluster, or BigQuery."""


@export.command(short_help="Send every region of a bundle to a Vald cluster.")
@click.option("--address", required=True, metavar="HOST:PORT", help="The cluster's gateway.")
@_BUNDLE
@click.option("--concurrency", default=4, show_default=True, help="Streams that are open at once.")
@click.option("--prune", is_flag=True, help="Remove regions that the bundle does not have.")
@click.option("--tls", is_flag=True, help="Encrypt the connection.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and ask nobody.")
def vald(
    address: str,
    bundle_id: str | None,
    concurrency: int,
    **how: bool,
) -> None:
    """Send every region of a bundle to a Vald cluster.

    Vectors are centred by the bundle's mean and of unit length; give the agents the distance type
    cosine. A vector's id is the item's id, a colon, and the region's. The same command again
    changes nothing, and goes on where one was cut off.
    """
    from feature_store.compare.opening import opened
    from feature_store.engines.regions import BundleRegions
    from feature_store.engines.vald import Cluster, Pace
    from feature_store.engines.vald import export as send

    registry = _registry()
    with opened(registry, bundle_id or _live(registry)) as bundle:
        verify_gate(bundle.folder, bundle.manifest)
        regions = BundleRegions(bundle)
        volume = sized(4 * len(regions) * regions.dim)
        vectors = f"{counted(len(regions), 'vector')} of {regions.dim} numbers ({volume})"
        if how["dry_run"]:
            click.echo(f"bundle {bundle.bundle_id}: {vectors} would be sent to {address}")
            return
        with Cluster(address, Pace(concurrency=concurrency), tls=how["tls"]) as cluster:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("send", total=len(regions))

                def report(doing: str, done: int, total: int) -> None:
                    progress.update(task, description=doing, completed=done, total=total)

                done = send(regions, cluster, prune=how["prune"], report=report)
        _print_exported(bundle.bundle_id, address, done)


def _print_exported(bundle_id: str, address: str, done: Exported) -> None:
    """Print what was done; exit status 1 if the cluster refused anything."""
    click.echo(
        f"bundle {bundle_id} is in Vald at {address}: {counted(done.stored, 'vector')} new or "
        f"changed, {done.unchanged:,} as they were, {done.removed:,} removed"
    )
    if done.foreign:
        click.echo(f"left alone: {counted(done.foreign, 'vector')} that no export has sent")
    if done.refused:
        _print_refused(done.refused)
        raise SystemExit(1)


def _print_refused(refused: Sequence[Refusal]) -> None:
    codes = Counter(refusal.code for refusal in refused)
    listed = ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
    click.echo(f"refused: {counted(len(refused), 'vector')} ({listed})", err=True)
    for refusal in refused[:SHOWN]:
        click.echo(f"  {plain(refusal.name)}: {refusal.code}: {plain(refusal.said)}", err=True)
    if len(refused) > SHOWN:
        click.echo(f"  … and {len(refused) - SHOWN:,} more", err=True)


@export.command(short_help="Make a table of them that VECTOR_SEARCH can be asked about.")
@_BUNDLE
@click.option("--index", type=click.Choice(["IVF", "TREE_AH"], case_sensitive=False), default=None,
              help="Make this vector index, too.")  # fmt: skip
@click.option("--sql", is_flag=True, help="Print the statements, and ask nobody.")
@click.option("--neighbours", default=10, show_default=True, help="The k of the printed search.")
def bigquery(bundle_id: str | None, index: str | None, sql: bool, neighbours: int) -> None:
    """Make a table of a bundle's regions in BigQuery, which VECTOR_SEARCH can be asked about.

    BigQuery makes it out of the store's own features; no vector is uploaded. It goes by itself
    after a week. An index is built in the background; until then, every vector is compared.
    """
    from feature_store.compare.opening import opened
    from feature_store.engines.bigquery import BigQueryEngine, How
    from feature_store.engines.regions import BundleRegions
    from feature_store.tables.bigquery import BigQueryFeatureStore

    settings = Settings.from_environment()
    if settings.tables.store != "bigquery":
        raise SettingsError(
            "the features are not in BigQuery: NITAMONO_TABLES_STORE is "
            f"{settings.tables.store}, and VECTOR_SEARCH asks the store's own features"
        )
    registry = _registry()
    with opened(registry, bundle_id or _live(registry)) as bundle:
        manifest = bundle.manifest
        engine = BigQueryEngine(
            settings.tables, manifest, bundle.projection, How(index=(index or "").upper())
        )
        if sql:
            _print_sql(engine.statements(neighbours))
            return
        store = BigQueryFeatureStore(settings.tables, settings.home)
        held = engine.prepare(store.snapshot(manifest.snapshot_version))
        expected = len(BundleRegions(bundle))
    if held != expected:
        raise BundleError(f"{engine.table} holds {held:,} regions, the bundle {expected:,}")
    click.echo(f"{counted(held, 'region')} of bundle {manifest.bundle_id} in {engine.table}")


def _print_sql(statements: dict[str, str]) -> None:
    """Print statements for a person: what each is for, and what has to be given to it."""
    for purpose, text in statements.items():
        click.echo(f"-- {purpose}")
        for name in dict.fromkeys(re.findall(r"@(\w+)", text)):
            click.echo(f"-- @{name}: {_PARAMETERS[name.rstrip('_0123456789')]}")
        click.echo(f"{text};\n")


def _registry() -> Registry:
    return registry_of(Settings.from_environment())


def _live(registry: Registry) -> str:
    live = registry.current()
    if live is None:
        raise NoBundleError(f"nothing has been published in {registry.location} yet")
    return live
