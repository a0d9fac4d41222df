"""Trains the product detector: `python -m feature_store.vision.training`."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from feature_store.errors import VisionError
from feature_store.vision.training.artwork import artwork_digest, prepare_artwork
from feature_store.vision.training.evaluate import Measurement, measure
from feature_store.vision.training.loop import Trainer, epoch, new_detector, write_weights
from feature_store.vision.training.maps import (
    RenderJob,
    plan_chunks,
    read_chunk,
    render_chunks,
    scenes_of,
)
from feature_store.vision.training.picture import draw_boxes
from feature_store.vision.training.settings import TrainingSettings

_DEFAULT = TrainingSettings()
_CONSOLE = Console(stderr=True)


@click.command(context_settings={"show_default": True})
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder for all results."
)
@click.option("--scenes", default=_DEFAULT.scenes, help="Scenes to train on.")
@click.option("--held-out", default=_DEFAULT.held_out, help="Scenes to measure on.")
@click.option("--epochs", default=_DEFAULT.epochs, help="Passes over the scenes.")
@click.option("--image-size", default=_DEFAULT.image_size, help="Side of a scene, pixels.")
@click.option("--workers", default=_DEFAULT.workers, help="Processes that compose scenes.")
@click.option("--threads", default=_DEFAULT.threads, help="Threads that train.")
@click.option("--seed", default=_DEFAULT.seed, help="Chooses scenes, first weights and order.")
@click.option(
    "--node-modules",
    type=click.Path(path_type=Path),
    default=Path("node_modules"),
    help="Where npm put @lobehub/fluent-emoji-3d.",
)
def main(out: Path, node_modules: Path, **options: int) -> None:
    """Render scenes, train the product detector on them and measure it.

    Leaves in OUT: product.safetensors, metrics.json and boxes.png. Run again with the same
    options after an interruption and it continues. Artwork that is not installed is named; its
    place is taken by products and backgrounds drawn from nothing.
    """
    logging.basicConfig(level=logging.WARNING)
    settings = TrainingSettings(**options)
    if settings.image_size % 32 or settings.image_size < 96:
        raise click.BadParameter(
            "must be a multiple of 32 and at least 96", param_hint="image-size"
        )
    if min(settings.scenes, settings.held_out, settings.epochs) < 1:
        raise click.BadParameter("scenes, held-out and epochs must be at least 1")
    try:
        result = train(out, node_modules, settings)
    except VisionError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(result.as_dict()))


def train(out: Path, node_modules: Path, settings: TrainingSettings) -> Measurement:
    """The whole run: artwork, scenes, training, measurement, picture."""
    torch.set_num_threads(settings.threads)
    out.mkdir(parents=True, exist_ok=True)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"), console=_CONSOLE,
    )  # fmt: skip
    with progress:
        _gather_artwork(out / "artwork", node_modules, progress)
        # Another size, seed or artwork makes other scenes: they must not mix in one folder.
        drawn = artwork_digest(out / "artwork")[:8]
        maps = out / f"maps-{settings.image_size}px-seed{settings.seed}-{drawn}"
        train_jobs = plan_chunks(maps, out / "artwork", "train", settings)
        held_jobs = plan_chunks(maps, out / "artwork", "held", settings)
        bar = progress.add_task("scenes", total=len(train_jobs) + len(held_jobs), note="")
        for _ in render_chunks(train_jobs + held_jobs, settings.workers):
            progress.advance(bar)
        trainer = _fit(train_jobs, maps / "state.safetensors", settings, progress)
    return _finish(trainer, held_jobs, out, settings)


def _gather_artwork(folder: Path, node_modules: Path, progress: Progress) -> None:
    bar = progress.add_task("artwork", total=None, note="")
    missing = prepare_artwork(
        folder, node_modules, progress=lambda package: progress.update(bar, note=package)
    )
    progress.update(bar, total=1, completed=1, note="")
    if missing:
        _CONSOLE.print(
            "Not installed, so products and backgrounds drawn from nothing take their place; "
            f"a detector trained with them finds more: {', '.join(dict.fromkeys(missing))}"
        )


def _fit(
    jobs: list[RenderJob], state: Path, settings: TrainingSettings, progress: Progress
) -> Trainer:
    per_epoch = sum(-(-job.scenes // settings.batch) for job in jobs)
    trainer = Trainer(new_detector(settings), settings, per_epoch * settings.epochs)
    first = trainer.resume(state) if state.exists() else 0
    bar = progress.add_task("training", total=trainer.steps, completed=trainer.done, note="")

    def seen(loss: float) -> None:
        progress.update(bar, completed=trainer.done, note=f"loss {loss:.2f}")

    paths = [job.target for job in jobs]
    for number in range(first, settings.epochs):
        epoch(trainer, paths, settings.seed + number, seen)
        trainer.save(state, number + 1)
    return trainer


def _finish(
    trainer: Trainer, held_out: list[RenderJob], out: Path, settings: TrainingSettings
) -> Measurement:
    model = trainer.averaged()
    result = measure(model, (read_chunk(job.target) for job in held_out))
    about = {"map50": f"{result.map50:.4f}", "map50_95": f"{result.map50_95:.4f}"}
    write_weights(model, out / "product.safetensors", about)
    report = {"settings": asdict(settings), "held_out": result.as_dict()}
    (out / "metrics.json").write_text(json.dumps(report, indent=2) + "\n")
    draw_boxes(model, scenes_of(held_out[0])[:24], out / "boxes.png")
    return result


if __name__ == "__main__":
    main()
