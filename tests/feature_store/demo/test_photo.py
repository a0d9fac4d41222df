"""Photos: boxes are tight around what is seen, shadows fall, nearer things hide farther ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from feature_store.demo import backdrops
from feature_store.demo.backdrops import Backdrop
from feature_store.demo.materials import Material, paper
from feature_store.demo.model import Model
from feature_store.demo.photo import Photo, Shot, photograph
from feature_store.demo.solids import ball, box

GREY = Backdrop("test", paper((0.5, 0.5, 0.5)), paper((0.5, 0.5, 0.5)), fall_off=0.0)
RED = Material((0.7, 0.02, 0.02), rough=0.9, shine=0.0)
BLUE = Material((0.02, 0.02, 0.7), rough=0.9, shine=0.0)


def cube(material: Material, x: float = 0.0, z: float = 0.0, size: float = 0.1) -> Model:
    model = Model()
    model.add(material, box(size, size, size, corner=0.01, edge=0.01).moved(x, 0.0, z))
    return model


def take(models: Sequence[Model], px: int = 96, **shot: float) -> Photo:
    return photograph(models, Shot(GREY, **shot), px, px)  # type: ignore[arg-type]


def coloured(photo: Photo, channel: int) -> tuple[float, ...]:
    """The normalised box of the pixels in which one channel dominates."""
    pixels = photo.pixels.astype(int)
    others = [k for k in range(3) if k != channel]
    mask = (pixels[..., channel] > 1.6 * pixels[..., others].max(axis=2)) & (
        pixels[..., channel] > 25
    )
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    tall, wide = mask.shape
    return columns[0] / wide, rows[0] / tall, (columns[-1] + 1) / wide, (rows[-1] + 1) / tall


def test_boxes_are_tight_around_their_products() -> None:
    photo = take([cube(RED, x=-0.12), cube(BLUE, x=0.12)], pitch=15)
    for box_, channel in zip(photo.boxes, (0, 2), strict=True):
        assert box_ == pytest.approx(coloured(photo, channel), abs=2.5 / 96)
        assert 0 <= box_[0] < box_[2] <= 1
        assert 0 <= box_[1] < box_[3] <= 1


def test_a_box_shows_only_what_is_not_hidden() -> None:
    photo = take([cube(RED, z=-0.3), cube(BLUE, z=0.2, size=0.2)], pitch=25)
    _, top, _, bottom = photo.boxes[0]
    alone = take([cube(RED, z=-0.3)], pitch=25).boxes[0]
    assert bottom - top < alone[3] - alone[1]


def test_what_is_hidden_entirely_has_no_box() -> None:
    photo = take([cube(RED, z=-0.3, size=0.05), cube(BLUE, z=0.2, size=0.3)], pitch=0)
    assert photo.boxes[0] == (0.0, 0.0, 0.0, 0.0)


def test_a_close_photo_cuts_off_and_its_box_stays_inside() -> None:
    photo = take([cube(RED)], fill=1.4)
    assert photo.boxes[0] == pytest.approx((0, 0, 1, 1))


def test_the_product_fills_the_frame_as_asked() -> None:
    left, top, right, bottom = take([cube(RED)], fill=0.8).boxes[0]
    assert max(right - left, bottom - top) == pytest.approx(0.8, abs=0.02)


def test_the_shadow_falls_away_from_the_lamp() -> None:
    photo = photograph([cube(RED)], Shot(GREY, pitch=30, fill=0.4, lamp=(-60, 45)), 96, 96)
    floor = photo.pixels[..., 1].astype(int)
    left, _, right, bottom = (round(corner * 96) for corner in photo.boxes[0])
    row = bottom - 6
    assert floor[row, right + 4] < floor[row, left - 5] - 10


def test_the_lit_side_is_brighter() -> None:
    model = Model()
    model.add(Material((0.5, 0.5, 0.5)), ball(0.1, 40).moved(y=0.1))
    left = photograph([model], Shot(GREY, lamp=(-70, 30)), 96, 96).pixels.astype(int)
    right = photograph([model], Shot(GREY, lamp=(70, 30)), 96, 96).pixels.astype(int)
    assert left[48, 30].sum() > left[48, 66].sum() + 30
    assert right[48, 66].sum() > right[48, 30].sum() + 30


@pytest.mark.parametrize(
    "make", sorted({*backdrops.SMALL, *backdrops.LARGE, *backdrops.FLAT}, key=str)
)
def test_every_backdrop_is_painted(make: backdrops.Maker) -> None:
    backdrop = make(random.Random(1), 0.1)
    photo = photograph([cube(RED)], Shot(backdrop, fill=0.4), 64, 64)
    corners = photo.pixels[[2, 2, -3, -3], [2, -3, 2, -3]]
    assert (corners.max(axis=1) > 20).all()


def test_the_same_photo_twice_is_the_same_to_the_bit() -> None:
    one, two = (take([cube(RED), cube(BLUE, x=0.2)]) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    assert one.boxes == two.boxes
