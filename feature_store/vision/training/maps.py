"""Renders scenes and keeps what the frozen trunk sees in them, in chunks on disk.

The trunk never changes while the rest learns, so it looks at every scene once. A chunk is one
safetensors file, written under another name first: an interrupted run continues where it stopped.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from safetensors.torch import load_file, save_file

from feature_store.vision.product_detector import ConvNorm, Trunk
from feature_store.vision.training.artwork import Artwork, open_artwork
from feature_store.vision.training.pretrained import fill_trunk
from feature_store.vision.training.scenes import Scene, compose_scene
from feature_store.vision.training.settings import TrainingSettings

CHUNK = 256
"""Scenes in one file."""
_BATCH = 8
MAX_BOXES = 4
HELD_OUT_SEED = 1_000_000_000
"""Held-out scenes have their own seeds as well as their own artwork."""


@dataclass(frozen=True)
class Chunk:
    """The trunk's maps of a run of scenes, and their boxes."""

    maps: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
    """(n, C, H, W) float16 at strides 8, 16 and 32."""
    boxes: torch.Tensor
    """(n, MAX_BOXES, 4) float32 x0, y0, x1, y1 in 0..1; absent boxes are NaN."""

    def __len__(self) -> int:
        """How many scenes."""
        return len(self.boxes)


@dataclass(frozen=True)
class RenderJob:
    """One chunk to make; small enough to hand to another process."""

    artwork: Path
    split: Literal["train", "held"]
    seed: int
    scenes: int
    side_px: int
    target: Path


def plan_chunks(
    folder: Path, artwork: Path, split: Literal["train", "held"], settings: TrainingSettings
) -> list[RenderJob]:
    """The chunks that make up a split's scenes, whether they exist yet or not."""
    held = split == "held"
    scenes = settings.held_out if held else settings.scenes
    first = settings.seed * 10_000_000 + (HELD_OUT_SEED if held else 0)
    jobs = []
    for start in range(0, scenes, CHUNK):
        count = min(CHUNK, scenes - start)
        # The name tells a short last chunk from a whole one: a larger run must not take it.
        target = folder / f"{split}-{start // CHUNK:05d}-{count}.safetensors"
        jobs.append(RenderJob(artwork, split, first + start, count, settings.image_size, target))
    return jobs


def render_chunks(jobs: list[RenderJob], workers: int) -> Iterator[Path]:
    """Make every chunk that is missing; yields each path when its chunk is there, in any order."""
    missing = [job for job in jobs if not job.target.exists()]
    yield from (job.target for job in jobs if job.target.exists())
    for job in missing:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    if workers < 2:
        yield from map(_render, missing)
        return
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with context.Pool(workers, _one_thread) as pool:
        yield from pool.imap_unordered(_render, missing)


def scenes_of(job: RenderJob) -> list[Scene]:
    """Compose a job's scenes anew, for pictures and for evaluation on pixels."""
    drawing = open_artwork(job.artwork, job.split)
    return [compose_scene(job.seed + i, drawing, job.side_px) for i in range(job.scenes)]


def read_chunk(path: Path) -> Chunk:
    """Read one chunk back."""
    tensors = load_file(str(path))
    return Chunk((tensors["p3"], tensors["p4"], tensors["p5"]), tensors["boxes"])


def _one_thread() -> None:
    # As many processes as cores compose scenes; more threads would only wait for each other.
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _render(job: RenderJob) -> Path:
    trunk = Trunk()
    fill_trunk(trunk)
    for module in trunk.modules():
        if isinstance(module, ConvNorm):
            module.fuse()
    trunk.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    save_chunk(look(trunk, job, open_artwork(job.artwork, job.split)), job.target)
    return job.target


def look(trunk: Trunk, job: RenderJob, drawing: Artwork) -> Chunk:
    """Compose the scenes of a job and run the trunk over them."""
    maps: list[list[torch.Tensor]] = [[], [], []]
    boxes = torch.full((job.scenes, MAX_BOXES, 4), float("nan"))
    kind = next(trunk.parameters()).dtype
    for start in range(0, job.scenes, _BATCH):
        count = min(_BATCH, job.scenes - start)
        scenes = [compose_scene(job.seed + start + i, drawing, job.side_px) for i in range(count)]
        for i, scene in enumerate(scenes):
            boxes[start + i, : len(scene.boxes)] = torch.from_numpy(scene.boxes)
        pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes]))
        images = (pixels.permute(0, 3, 1, 2) / 255).to(kind)  # a channels-last view already
        with torch.inference_mode():
            for level, seen in zip(maps, trunk(images), strict=True):
                level.append(seen.to(torch.float16).contiguous())
    p3, p4, p5 = (torch.cat(level) for level in maps)
    return Chunk((p3, p4, p5), boxes)


def save_chunk(chunk: Chunk, target: Path) -> None:
    """Write a chunk so that it is there whole or not at all."""
    p3, p4, p5 = chunk.maps
    part = target.with_suffix(".part")
    save_file({"p3": p3, "p4": p4, "p5": p5, "boxes": chunk.boxes}, str(part))
    part.replace(target)
