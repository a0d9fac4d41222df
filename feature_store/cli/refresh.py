"""`nitamono refresh`: bring the live bundle up to the store by hand, as the DAG `fresh_items`."""

from __future__ import annotations

import json

import click

from feature_store.errors import NitamonoError
from feature_store.settings import Settings


@click.command(short_help="Make what was just ingested findable, and what was deleted gone.")
@click.option("--bundle", "bundle_id", help="This bundle instead of the live one and the canary.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a line.")
def refresh(bundle_id: str | None, as_json: bool) -> None:
    """Publish what changed since the live bundle was built as a fresh tier beside it.

    The bundle itself stays as it is. Done again, it changes nothing.
    """
    from feature_store.fresh import refresh as refresh_tiers

    done = refresh_tiers(Settings.from_environment(), bundle_id)
    if as_json:
        click.echo(json.dumps([one.summary() for one in done], indent=2))
        return
    for one in done:
        what = "written" if one.written else "up to date already"
        waiting = f", {one.waiting} items wait for their features" if one.waiting else ""
        click.echo(
            f"bundle {one.bundle_id}: {one.items} items new or changed, {one.gone} gone{waiting} "
            f"(tier {one.tier_id or 'none'} {what}, {one.seconds:.1f} s)"
        )


def freshen() -> None:
    """Bring up to the store what another command has just made live or the canary.

    That command has done its work: what goes wrong here is only told.
    """
    from feature_store.fresh import refresh as refresh_tiers

    try:
        refresh_tiers(Settings.from_environment())
    except (NitamonoError, ModuleNotFoundError) as error:
        click.echo(
            f"what changed since it was built is not in its answers yet ({error}); run 'nitamono "
            "refresh' where the feature store can be read",
            err=True,
        )
