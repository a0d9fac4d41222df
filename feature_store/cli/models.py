"""`nitamono models`: which extractor answers, which are kept beside it, and the way to another."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from feature_store.cli.text import plain
from feature_store.errors import VisionError
from feature_store.settings import Settings

if TYPE_CHECKING:
    from feature_store.models.state import State

_LATER = "the next index is built under it: 'nitamono index', or the nightly run"


@click.group(invoke_without_command=True, short_help="Which extractors describe how much.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the history of switches.")
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the extractors: which answers, which are kept beside it, how much each describes."""
    if context.invoked_subcommand is not None:
        return
    state = read_models(Settings.from_environment())
    if as_json:
        click.echo(json.dumps(state, indent=2))
        return
    table = Table(
        Column("extractor", overflow="fold"),
        "role",
        Column("identity", overflow="fold"),
        Column("described", justify="right"),
        Column("regions", justify="right"),
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for row in state["extractors"]:
        figure = f"{row['described']:,} of {row['indexed']:,}"
        identity = plain(row["identity"] or row["problem"])
        table.add_row(plain(row["model"]), row["role"], identity, figure, f"{row['regions']:,}")
    Console().print(table)


@models.command()
@click.argument("name")
@click.option("--no-switch", is_flag=True, help="Only describe everything; switch later.")
def upgrade(name: str, no_switch: bool) -> None:
    """Describe the whole store under extractor NAME, then let it answer.

    Boxes are kept. From now on ingests describe new images under NAME too. Stopped and started
    again, it goes on where it was.
    """
    from feature_store.upgrade import figure, run_upgrade

    settings = Settings.from_environment()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(f"describe under {plain(name)}", total=None)
        done = run_upgrade(
            settings,
            name,
            then_switch=not no_switch,
            progress=lambda images, total: progress.update(task, completed=images, total=total),
        )
    regions = sum(run.regions for run in done.runs)
    click.echo(f"{figure(settings, name)}; {regions:,} regions described now, 0 boxes recomputed")
    if done.switched:
        click.echo(f"{name} answers: {_LATER}")


@models.command()
@click.argument("name")
def switch(name: str) -> None:
    """Let extractor NAME answer; refused while it has not described every live image."""
    from feature_store.upgrade import switch as switch_to

    click.echo(
        f"{switch_to(Settings.from_environment(), name, by_hand=True)}, and answers: {_LATER}"
    )


@models.command()
def undo() -> None:
    """Go back to the extractor that answered before the last switch."""
    from feature_store.upgrade import undo as go_back

    click.echo(f"{go_back(Settings.from_environment())}, and answers again: {_LATER}")


@models.command()
@click.argument("name")
def retire(name: str) -> None:
    """Describe new images under extractor NAME no more; what the store has of it stays."""
    from feature_store.models import ModelRegistry

    settings = Settings.from_environment()
    ModelRegistry(settings.home).retire(name, settings.vision.extractor)
    click.echo(f"{name} is retired")


def read_models(settings: Settings) -> dict[str, Any]:
    """Return the extractors of `settings.home` and their coverage as plain values, for JSON.

    Besides those in use, what the store holds of others is listed under the role `stored`.
    """
    from feature_store.models import ModelRegistry
    from feature_store.tables import open_store

    snapshot = open_store(settings).snapshot()
    state = ModelRegistry(settings.home).look(settings.vision.extractor)
    rows: list[dict[str, Any]] = []
    for model, role in _roles(state).items():
        recorded = state.active.identity if role == "active" else ""
        rows.append({"model": model, "role": role, **_identify(settings, model, recorded)})
    others = set(snapshot.extractors()) - {row["identity"] for row in rows}
    rows += [
        {"model": "", "role": "stored", "identity": identity, "problem": ""}
        for identity in sorted(others)
    ]
    for row in rows:
        covered = snapshot.coverage(row["identity"])
        row |= {
            "described": covered.described,
            "indexed": covered.indexed,
            "share": round(covered.share, 6),
            "regions": covered.regions,
        }
    return {
        "wanted": settings.vision.extractor,
        "extractors": rows,
        "history": [asdict(change) for change in state.history],
    }


def _roles(state: State) -> dict[str, str]:
    roles = dict.fromkeys(state.declined, "declined")
    roles |= dict.fromkeys(state.kept, "kept")
    return {state.active.model: "active", **roles}


def _identify(settings: Settings, model: str, recorded: str) -> dict[str, str]:
    from feature_store.vision.identity import extractor_identity

    try:
        identity = recorded or extractor_identity(settings.vision, model)
    except VisionError as error:  # its file may be gone by now
        return {"identity": "", "problem": str(error)}
    return {"identity": identity, "problem": ""}
