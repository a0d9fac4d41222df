"""`nitamono item`: what the store said about one item, on any day and as of any time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from feature_store.cli.history import Question, ask
from feature_store.cli.text import day_of, plain
from feature_store.errors import StoreError
from feature_store.settings import Settings

_UNTOLD = ("ds", "item_id", "deleted", "row_digest")
"""Columns of the row that the lines above it tell, or that mean something only to programs."""


@click.command(short_help="What the store said about an item, on any day.")
@click.argument("item_id")
@click.option("--day", help="What the days up to this one say, YYYY-MM-DD (default: all days).")
@click.option(
    "--as-of",
    metavar="VERSION|TIME",
    help="What the store said then: a snapshot version, or a time such as 2026-03-01T12:00+00:00.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def item(item_id: str, day: str | None, as_of: str | None, as_json: bool) -> None:
    """Say what the store knows of ITEM_ID: its row, its images, their regions, and since when.

    Exits with status 1 when the item was not live then.
    """
    from feature_store.tables import open_store

    settings = Settings.from_environment()
    answer = ask(
        open_store(settings), Question(item_id, day_of(day) if day else None, _as_of(as_of))
    )
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        console = Console()
        for part in _tables(answer) if answer["live"] else [_absence(answer)]:
            console.print(part)
    if not answer["live"]:
        raise SystemExit(1)


def _as_of(text: str | None) -> int | dt.datetime | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "write a snapshot version, or a time such as 2026-03-01T12:00+00:00"
        raise click.BadParameter(f"{text!r} is neither; {wanted}") from error
    if time.tzinfo is None:
        raise StoreError(f"{text} has no time zone; write {time.isoformat()}+00:00 for UTC")
    return time


def _tables(answer: dict[str, Any]) -> Iterator[str | Table]:
    yield f"{plain(answer['item_id'])}, {_moment(answer)}"
    yield (
        f"as the partition {answer['partition']} says (commit {answer['version']} of "
        f"{_time(answer['committed_at'])})"
    )
    about = Table("", Column(overflow="fold"), show_header=False)
    for name, value in answer["row"].items():
        if name not in _UNTOLD and value not in (None, "", "{}", []):
            about.add_row(plain(name), plain(_text(value)))
    yield about
    for image in answer["images"]:
        yield from _image(image)


def _image(image: dict[str, Any]) -> Iterator[str | Table]:
    yield f"\nimage {image['image_index']}: {plain(image['image_uri'])}"
    became = plain(image["reason"] or image["status"])
    if image["detail"]:
        became += f" ({plain(image['detail'])})"
    if image["attempts"] is not None:
        tries = "1 attempt" if image["attempts"] == 1 else f"{image['attempts']} attempts"
        became += f", {tries}, the last at {_time(image['tried_at'])}"
    yield became
    if image["image_id"]:
        yield f"SHA-256 {plain(image['image_id'])}"
    if not image["regions"]:
        return
    yield from _regions(image["regions"])


def _regions(regions: Sequence[dict[str, Any]]) -> Iterator[str | Table]:
    """Show the boxes; the models, nearly always the same for all of them, stand above."""
    detectors = dict.fromkeys(region["detector"] for region in regions)
    yield f"boxes by {plain(', '.join(detectors))}"
    described = dict.fromkeys(", ".join(region["extractors"]) for region in regions)
    if len(described) == 1:
        yield f"described by {plain(*described)}"
    box = Column("box", no_wrap=True)
    table = Table("region", "kind", Column("label", overflow="fold"), box, "confidence")
    table.columns[0].no_wrap = True
    if len(described) > 1:
        table.add_column("described by", overflow="fold")
    for region in regions:
        seen = (plain(region[name]) for name in ("region_id", "kind", "label"))
        corners = " ".join(f"{corner:.3f}" for corner in region["box"])
        sure = "" if region["kind"] == "whole" else f"{region['confidence']:.2f}"
        by = [plain(", ".join(region["extractors"]))] if len(described) > 1 else []
        table.add_row(*seen, corners, sure, *by)
    yield table


def _absence(answer: dict[str, Any]) -> str:
    then = _moment(answer)
    if answer["deleted_on"]:
        return (
            f"{plain(answer['item_id'])} is not in the shop, {then}: the catalogue of "
            f"{answer['deleted_on']} had it no more (commit {answer['version']} of "
            f"{_time(answer['committed_at'])})"
        )
    if answer["rejected"]:
        return (
            f"{plain(answer['item_id'])} is not known, {then}: its row in the catalogue of "
            f"{answer['partition']} cannot be used: {plain(answer['rejected'])}"
        )
    return f"{plain(answer['item_id'])} is not known, {then}"


def _moment(answer: dict[str, Any]) -> str:
    day = f"on {answer['day']} " if answer["day"] else ""
    return f"{day}as of snapshot version {answer['snapshot_version']}"


def _time(text: str | None) -> str:
    return f"{text[:19].replace('T', ' ')} UTC" if text else "an unknown time"


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
