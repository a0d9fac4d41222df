"""Set up and take one photo: a product alone, or two to four together."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from feature_store.demo.listings import Listing
from feature_store.demo.model import Model
from feature_store.demo.photo import Photo, Shot, photograph


def _stood(model: Model, listing: Listing, chance: random.Random) -> Model:
    """Turned as its category is shown, on the floor about the origin; flat things on their back."""
    turn = chance.uniform(*listing.turn)
    if not listing.flat:
        return model.placed(turn=turn)
    return model.placed(tip=-90).placed(turn=turn)


def _shot(models: Sequence[Model], listing: Listing, chance: random.Random) -> Shot:
    points = np.concatenate([model.points() for model in models])
    unit = float(np.linalg.norm(np.ptp(points, axis=0))) / 2
    side = chance.choice((-1, 1, -1))
    behind = 180.0 if listing.flat else 0.0
    backdrop = chance.choice(listing.studio)(chance, unit)
    return Shot(
        backdrop,
        pitch=chance.uniform(*listing.pitch),
        fill=chance.uniform(0.72, 0.92),
        off_x=chance.uniform(-0.03, 0.03),
        off_y=chance.uniform(-0.02, 0.02),
        lamp=(
            behind + side * chance.uniform(25, 60) * (-1 if listing.flat else 1),
            chance.uniform(42, 60),
        ),
        warmth=chance.uniform(-0.4, 0.8),
        exposure=chance.uniform(0.92, 1.08) * (0.88 if listing.flat else 1.0),
        lens_degrees=chance.uniform(18, 28),
    )


def portrait(
    model: Model, listing: Listing, chance: random.Random, px: int, *, close: bool = False
) -> Photo:
    """A square photo, `px` on a side, of one product; a `close` one cuts off its edges."""
    stood = _stood(model, listing, chance)
    shot = _shot([stood], listing, chance)
    if close:
        shot = replace(shot, fill=chance.uniform(1.15, 1.4), off_x=chance.uniform(-0.08, 0.08),
                       off_y=chance.uniform(-0.08, 0.08))  # fmt: skip
    return photograph([stood], shot, px, px)


def group(
    models: Sequence[Model], listings: Sequence[Listing], chance: random.Random, px: int
) -> Photo:
    """A square photo of several products side by side; boxes in the given order.

    Small things are enlarged beside large ones as in a stylist's collage, so that all can be seen.
    """
    stood = [_stood(m, listing, chance) for m, listing in zip(models, listings, strict=True)]
    sizes = [float(np.linalg.norm(np.ptp(model.points(), axis=0))) for model in stood]
    largest = max(sizes)
    scaled = [
        model.placed(scale=max(1.0, 0.55 * largest / size))
        for model, size in zip(stood, sizes, strict=True)
    ]
    ready = _centred(_arranged(scaled, chance, flat=listings[0].flat))
    shot = replace(_shot(ready, listings[0], chance), fill=chance.uniform(0.84, 0.94))
    return photograph(ready, shot, px, px)


def _arranged(models: Sequence[Model], chance: random.Random, *, flat: bool) -> list[Model]:
    """Three and more in two rows, so that they fill a square.

    What stands behind is taller than the first, which is being sold, and nothing hides that one.
    """
    order = list(range(len(models)))
    chance.shuffle(order)
    sizes = [np.ptp(model.points(), axis=0) for model in models]
    half = (len(order) + 1) // 2
    behind = [k for k in order if sizes[k][1] > 1.15 * sizes[0][1]] if not flat else order[:half]
    if len(order) < 3:
        behind = []
    rows = [row for row in (behind, [k for k in order if k not in behind]) if row]
    largest = max(float(np.linalg.norm(size)) for size in sizes)
    placed: dict[int, Model] = {}
    depth = 0.0
    for row in rows:
        gap = 0.05 * largest
        chance.shuffle(row)
        edge = -0.5 * (sum(float(sizes[k][0]) for k in row) + gap * (len(row) - 1))
        edge += chance.uniform(-0.06, 0.06) * largest
        deepest = max(float(sizes[k][2]) for k in row)
        for k in row:
            wide, _, deep = (float(side) for side in sizes[k])
            slack = 0.0 if flat else chance.uniform(-0.06, 0.06) * largest
            placed[k] = models[k].placed(x=edge + wide / 2, z=depth + deepest - deep / 2 + slack)
            edge += wide + gap * chance.uniform(0.6, 1.6)
        depth += deepest + (0.06 if flat else 0.12) * largest
    return [placed[k] for k in range(len(models))]


def _centred(models: Sequence[Model]) -> list[Model]:
    """All models moved together so that their middle is over the origin."""
    points = np.concatenate([model.points() for model in models])
    x, _, z = (points.min(axis=0) + points.max(axis=0)) / 2
    return [
        Model([(mesh.moved(-float(x), 0.0, -float(z)), material) for mesh, material in model.parts])
        for model in models
    ]
