"""`nitamono bundles`, `publish`, `rollback`, `pin`, `unpin`, `canary`: what is live, and for how
long, and what is tried beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from feature_store.bundle import BundleRow, Registry
from feature_store.bundle.opening import registry_of
from feature_store.bundle.pointers import Canary
from feature_store.cli.refresh import freshen
from feature_store.cli.text import plain
from feature_store.errors import BundleError
from feature_store.settings import Settings

_GATE = {True: "passed", False: "failed", None: "not judged yet"}
_STAYS = "until the next build; 'nitamono pin' stays with it"
_PINNED = "pinned: builds publish nothing until 'nitamono unpin'"
_LOGGED = 40
"""How many entries of the journal are shown."""


def _registry() -> Registry:
    return registry_of(Settings.from_environment())


@click.command(short_help="List the bundles, newest first; the live one is marked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--log", "as_log", is_flag=True, help="What was live, pinned or a canary, and when.")
def bundles(as_json: bool, as_log: bool) -> None:
    """List the bundles, newest first; the live one, its pin and the canary are marked."""
    registry = _registry()
    if as_log:
        _show_log(registry, as_json)
        return
    pointers = _Pointers(registry)
    listed = [(row, pointers.of(row.bundle_id)) for row in registry.list()]
    if as_json:
        click.echo(json.dumps([asdict(row) | said for row, said in listed], indent=2, default=str))
    else:
        Console().print(_table(listed) if listed else "no bundle yet: run `nitamono index`")


def _table(listed: Sequence[tuple[BundleRow, Mapping[str, Any]]]) -> Table:
    name = Column("bundle", no_wrap=True, min_width=max(len(row.bundle_id) for row, _ in listed))
    table = Table(
        Column("", no_wrap=True), name, "items", "regions", "snapshot", "MB", "gate", "fresh tier"
    )
    for row, said in listed:
        table.add_row(
            _marked(said),
            row.bundle_id,
            str(row.items),
            str(row.regions),
            str(row.snapshot_version),
            f"{row.size_bytes / 1e6:.1f}",
            _GATE[row.gate_passed],
            said["tier"] or "",
        )
    return table


@click.command(short_help="Make a bundle the live one, after verifying it.")
@click.argument("bundle_id")
def publish(bundle_id: str) -> None:
    """Make BUNDLE_ID the live bundle, after verifying every byte of it.

    Where bundles are published in a bucket, it is sent there first, as far as it is not there.
    Where another is pinned, the pin moves to this one. A canary that is published is none any more.
    """
    registry = _registry()
    registry.publish(bundle_id)
    click.echo(f"live: {bundle_id}")
    freshen()
    if registry.pinned() is not None:
        click.echo(_PINNED, err=True)


@click.command(short_help="Make the previous bundle the live one again.")
@click.argument("bundle_id", required=False)
def rollback(bundle_id: str | None) -> None:
    """Make the previously published bundle (or BUNDLE_ID) the live one again.

    Until the next build: the nightly run publishes what the store holds, unless the bundle is
    pinned (`nitamono pin`). Where one is pinned already, the pin moves along.
    """
    registry = _registry()
    click.echo(f"live: {registry.rollback(bundle_id)}")
    freshen()
    click.echo(_STAYS if registry.pinned() is None else _PINNED, err=True)


@click.command(short_help="Keep a bundle live: builds publish nothing meanwhile.")
@click.argument("bundle_id", required=False)
def pin(bundle_id: str | None) -> None:
    """Keep the live bundle, or make BUNDLE_ID live and keep it.

    The nightly run still builds and proves bundles, but publishes none until `nitamono unpin`.
    Publishing and rolling back by hand move the pin.
    """
    click.echo(f"live and pinned: {_registry().pin(bundle_id)}")
    freshen()


@click.command(short_help="Let builds publish again.")
def unpin() -> None:
    """Let builds publish again; the live bundle stays until the next one does."""
    was = _registry().unpin()
    click.echo("nothing was pinned" if was is None else f"no longer pinned: {was.bundle_id}")


@click.command(short_help="Give a bundle a share of all questions, beside the live one.")
@click.argument("bundle_id", required=False)
@click.option("--share", type=float, help="Its share of all questions, above 0 and below 1.")
@click.option("--off", is_flag=True, help="Give all questions to the live bundle again.")
def canary(bundle_id: str | None, share: float | None, off: bool) -> None:
    """Give BUNDLE_ID a share of all questions, beside the live bundle, after verifying it.

    Which of the two answers is drawn by the item that is asked about, so that it is always the
    same one. Naming it again changes the share; publishing it ends the trial.
    """
    if off and (bundle_id or share is not None):
        raise click.UsageError("--off stands alone")
    registry = _registry()
    if off:
        click.echo("no canary any more" if registry.no_canary() else "there was no canary")
        return
    if bundle_id is None or share is None:
        raise click.UsageError("name a bundle and its --share, or say --off")
    wanted = registry.canary(bundle_id, share)
    click.echo(f"canary: {wanted.bundle_id}, {wanted.share:.3g} of all questions")
    freshen()


class _Pointers:
    """What is live, pinned, a canary, and which fresh tiers these have."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._live, self._pin = registry.current(), registry.pinned()
        self._canary = self._read_canary()

    def of(self, bundle_id: str) -> dict[str, Any]:
        """Return what is said of one bundle."""
        is_live, canary = bundle_id == self._live, self._canary
        is_canary = canary is not None and canary.bundle_id == bundle_id
        return {
            "live": is_live,
            "pinned": is_live and self._pin is not None,
            "canary_share": canary.share if canary is not None and is_canary else None,
            "tier": self._tier(bundle_id) if is_live or is_canary else None,
        }

    def _read_canary(self) -> Canary | None:
        try:
            return self._registry.canary_pointer()
        except BundleError as error:
            click.echo(str(error), err=True)
            return None

    def _tier(self, bundle_id: str) -> str | None:
        try:
            pointer = self._registry.tier_pointer(bundle_id)
        except BundleError as error:
            click.echo(str(error), err=True)
            return None
        return pointer.tier_id if pointer else None


def _marked(roles: Mapping[str, Any]) -> str:
    if roles["canary_share"] is not None:
        return f"canary {100 * roles['canary_share']:.3g} %"
    if roles["pinned"]:
        return "live, pinned"
    return "live" if roles["live"] else ""


def _show_log(registry: Registry, as_json: bool) -> None:
    entries = registry.journal()
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    table = Table("at (UTC)", "what", Column("bundle", overflow="fold"))
    for entry in entries[-_LOGGED:]:
        at = str(entry.get("at", ""))[:19].replace("T", " ")
        table.add_row(plain(at), plain(_what(entry)), plain(_which(entry)))
    Console().print(table if entries else "nothing has been published yet")


def _what(entry: Mapping[str, Any]) -> str:
    action = str(entry.get("action", ""))
    if "share" in entry:
        return f"{action}, {100 * float(entry['share']):.3g} %"
    return f"{action}, pinned" if "pinned" in entry and "bundle_id" in entry else action


def _which(entry: Mapping[str, Any]) -> str:
    named = (entry.get(key) for key in ("bundle_id", "pinned", "unpinned", "canary"))
    removed = ", ".join(map(str, entry.get("removed", ())))
    return next((str(name) for name in named if name), removed)
