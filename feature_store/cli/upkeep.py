"""`nitamono upkeep`: put the home in order by hand, as the DAG `maintenance` does every day."""

from __future__ import annotations

import click

from feature_store.cli.text import sized
from feature_store.settings import Settings


@click.command(short_help="Compaction, retention, leftovers.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def upkeep(dry_run: bool) -> None:
    """Compact the store; remove old history, bundles, leftovers and runs.

    Safe beside everything else. What is live, and what a reader holds, always stays.
    """
    from feature_store.upkeep import upkeep_bundles, upkeep_leftovers, upkeep_store

    settings = Settings.from_environment()
    would = "would go" if dry_run else "removed"
    if dry_run:
        click.echo(f"store: {_superseded(settings)}")
    else:
        store = upkeep_store(settings)
        click.echo(
            f"store: {store.compacted_partitions} partitions compacted, "
            f"{store.forgotten_commits} commits forgotten, {store.removed_files} files removed "
            f"({sized(store.freed_bytes)})"
        )
    bundles = upkeep_bundles(settings, dry_run=dry_run)
    listed = ", ".join(bundles.removed) or "none"
    click.echo(f"bundles: {listed} {would} ({sized(bundles.freed_bytes)})")
    left = upkeep_leftovers(settings, dry_run=dry_run)
    click.echo(
        f"leftovers: {left.staged_days} staged days, {left.thumbnails} thumbnails, "
        f"{left.unfinished_files} unfinished files, {left.forgotten_runs} runs {would} "
        f"({sized(left.freed_bytes)})"
    )


def _superseded(settings: Settings) -> str:
    from feature_store.tables import open_store

    size = open_store(settings).size()
    spare = sized(size.kept_bytes - size.live_bytes)
    return (
        f"{size.kept_files - size.live_files} files ({spare}) are not of the newest snapshot; "
        f"those superseded more than {settings.upkeep.history_days} days ago would go"
    )
