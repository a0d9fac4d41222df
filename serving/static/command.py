"""`nitamono export-static`: look-alikes with no server at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from serving.answers import Answers
from serving.pages import WIDGET_NAME, Widgets
from serving.parameters import MAX_LIMIT
from serving.settings import ServingSettings
from serving.static.folder import FORMAT, UNKNOWN, Index, StaticFolder, claimed
from serving.static.photos import (
    copy_photos,
    names_of,
    photos_named,
    prune_photos,
    write_names,
)
from serving.static.shards import Shards
from serving.static.source import open_answers
from serving.static.widgets import write_widgets

_Steps = Callable[[str, int], Callable[[], None]]


def _image_base(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise click.BadParameter(f"{text!r} is not an address such as https://images.shop.example")
    return text.rstrip("/") + "/"


@click.command("export-static", short_help="Write a bundle's answers as files for a CDN.")
@click.argument("bundle", required=False)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A folder for this alone; the widget's endpoint is where it is put.",
)
@click.option(
    "--k",
    default=24,
    show_default=True,
    type=click.IntRange(1, MAX_LIMIT),
    help="Look-alikes of each region.",
)
@click.option("--photos", is_flag=True, help="Copy the thumbnails, too.")
@click.option(
    "--image-base",
    metavar="URL",
    callback=_image_base,
    help="Where else /images/… is: a lookup service, say.",
)
@click.option(
    "--keep",
    default=2,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Exports that stay, with this one.",
)
def export_static(
    bundle: str | None, out: Path, k: int, photos: bool, image_base: str | None, keep: int
) -> None:
    """Write the answers of BUNDLE, by default the live one, as files that never change.

    With the fresh tier that is served beside it. Put the folder on a CDN, index.json last, and
    give its address to the widget: <similar-items static endpoint="https://cdn.example/alike">.
    The widget is in it, too. The same again writes nothing.
    """
    settings = ServingSettings.from_environment()
    with claimed(out) as folder:
        answers = open_answers(settings, bundle)
        shards = Shards(answers, k)
        tier = None if answers.tier is None else answers.tier.tier_id
        name = folder_name(answers, k, settings.popularity)
        counted = (shards.count, len(shards.item_ids))
        index = Index(answers.bundle_id, tier, name, k, *counted, image_base)
        with _progress() as steps:
            if not folder.has(name):
                _write(shards, name, folder, steps("answers", shards.count))
            named = names_of(folder.path / name)
            missing: list[str] = []
            if photos:
                report = steps("photos", len(named))
                missing = copy_photos(named, settings.thumbnails, folder.images, report)
        widgets = Widgets()
        write_widgets(widgets, folder.path)
        changed = folder.point_at(index, keep)
        prune_photos(folder)
    _tell(out, index, widgets, changed=changed)
    _tell_photos(settings.thumbnails, missing, elsewhere=bool(named) and not (photos or image_base))


def folder_name(answers: Answers, k: int, popularity: str) -> str:
    """Return the name of the folder of these answers: it tells all that they follow from."""
    how = json.dumps([FORMAT, k, popularity, version("nitamono")])
    return f"{answers.edition}-{sha256(how.encode()).hexdigest()[:12]}"


def _write(shards: Shards, name: str, folder: StaticFolder, step: Callable[[], None]) -> None:
    with folder.writing(name) as half:
        named: set[str] = set()
        for number, body in shards:
            (half / f"{number}.json").write_bytes(body)
            named |= photos_named(body)
            step()
        if (unknown := shards.unknown()) is not None:
            (half / UNKNOWN).write_bytes(unknown)
            named |= photos_named(unknown)
        write_names(named, half)


@contextmanager
def _progress() -> Iterator[_Steps]:
    """Show what is being done, on stderr, and how long it will still take."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def steps(doing: str, total: int) -> Callable[[], None]:
            task = progress.add_task(doing, total=total)
            return lambda: progress.advance(task)

        yield steps


def _tell(out: Path, index: Index, widgets: Widgets, *, changed: bool) -> None:
    beside = f" and fresh tier {index.tier}" if index.tier else ""
    about = (
        f"bundle {index.bundle}{beside}, {index.items:,} items in {index.shards:,} files, "
        f"{index.k} look-alikes each"
    )
    click.echo(f"{out / index.folder}: {about}" if changed else f"already there: {about}")
    newest = widgets.versions[widgets.current]
    source = f"widget/{widgets.current}/{WIDGET_NAME}"
    click.echo(
        f'<script type="module" src="<where this is>/{source}"\n'
        f'  integrity="{newest.integrity}" crossorigin="anonymous"></script>'
    )


def _tell_photos(thumbnails: Path, missing: list[str], *, elsewhere: bool) -> None:
    if missing:
        more = f", as {len(missing) - 1:,} more" if len(missing) > 1 else ""
        click.echo(f"not among the thumbnails in {thumbnails}: {missing[0]}.jpg{more}", err=True)
    if elsewhere:
        click.echo(
            "photos are named /images/…, which is not here: copy them by --photos, or say by "
            "--image-base where they are",
            err=True,
        )
