"""Scenes: the same for the same seed, with boxes that fit what was pasted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from feature_store.vision.training.artwork import Artwork, Source, open_artwork, prepare_artwork
from feature_store.vision.training.scenes import compose_scene
from feature_store.vision.training.shapes import random_product

NOTHING = Artwork((), ())


def test_a_seed_always_gives_the_same_scene() -> None:
    first, again = compose_scene(7, NOTHING), compose_scene(7, NOTHING)
    other = compose_scene(8, NOTHING)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.pixels, other.pixels)


def test_scenes_without_any_artwork_have_one_to_four_products_inside_the_square() -> None:
    scenes = [compose_scene(seed, NOTHING) for seed in range(40)]
    counts = [len(scene.boxes) for scene in scenes]
    assert max(counts) >= 2
    assert max(counts) <= 4
    assert np.mean(np.array(counts) > 0) > 0.8
    for scene in scenes:
        assert scene.pixels.shape == (320, 320, 3)
        assert scene.pixels.dtype == np.uint8
        assert np.all(scene.boxes >= 0)
        assert np.all(scene.boxes <= 1)
        assert np.all(scene.boxes[:, 2:] > scene.boxes[:, :2])


def test_a_procedural_product_touches_all_four_sides_of_its_picture() -> None:
    for seed in range(30):
        rgba = random_product(np.random.default_rng(seed))
        solid = rgba[..., 3] > 40
        assert solid[0].any()
        assert solid[-1].any()
        assert solid[:, 0].any()
        assert solid[:, -1].any()
        assert max(solid.shape) >= 72


@pytest.fixture
def square_artwork(tmp_path: Path) -> Artwork:
    """Nothing but bright red squares to paste."""
    red = np.zeros((200, 200, 4), np.uint8)
    red[..., 2] = red[..., 3] = 255
    cv2.imwrite(str(tmp_path / "red.png"), red)
    return Artwork(((1.0, (tmp_path / "red.png",)),), ())


def test_boxes_are_tight_around_what_was_pasted(
    square_artwork: Artwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.vision.training import scenes

    plain = np.full((320, 320, 3), 255, np.uint8)
    monkeypatch.setattr(scenes, "_backdrop", lambda rng, art, w, h: plain[:h, :w].copy())
    monkeypatch.setattr(scenes, "photograph", lambda rng, pixels: pixels)
    monkeypatch.setattr(scenes, "_light", lambda rng, rgb: rgb)
    monkeypatch.setattr(scenes, "random_product", lambda rng, skin: scenes._picture(_red(rng)))

    def _red(rng: np.random.Generator) -> Path:
        return square_artwork.cutouts[0][1][0]

    checked = 0
    for seed in range(30):
        scene = compose_scene(seed, square_artwork)
        if len(scene.boxes) != 1:
            continue
        # Shadows darken white evenly; only the square itself is red.
        red = scene.pixels[..., 0].astype(int) - scene.pixels[..., 1] > 60
        ys, xs = np.where(red)
        seen = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        assert np.abs(seen - scene.boxes[0] * 320).max() <= 2.5
        checked += 1
    assert checked >= 10


def _save(path: Path, opaque: bool, side: int = 120) -> None:
    pixels = np.zeros((side, side, 4), np.uint8)
    yy, xx = np.mgrid[0:side, 0:side]
    inside = np.hypot(yy - side / 2, xx - side / 2) < side * 0.4
    pixels[..., 3] = 255 if opaque else inside * 255
    cv2.imwrite(str(path), pixels)


def test_artwork_is_cropped_split_and_missing_packages_are_named(tmp_path: Path) -> None:
    art = tmp_path / "art"
    art.mkdir()
    for number in range(40):
        _save(art / f"{number}.png", opaque=False)
    _save(art / "a-photo-without-transparency.png", opaque=True)
    _save(art / "tiny.png", opaque=False, side=30)
    (art / "broken.png").write_bytes(b"not a picture")
    sources = (
        Source("round-things", "CC0", "cutout", (f"{art}/*.png",)),
        Source("absent", "CC0", "background", (f"{tmp_path}/nowhere/*.jpg",)),
    )
    out = tmp_path / "out"
    assert prepare_artwork(out, sources=sources) == ["absent"]
    train, held = (open_artwork(out, split, sources) for split in ("train", "held"))
    names = [{path.name for path in split.cutouts[0][1]} for split in (train, held)]
    assert len(names[0]) + len(names[1]) == 40
    assert names[1]
    assert not names[0] & names[1]
    picture = cv2.imread(str(train.cutouts[0][1][0]), cv2.IMREAD_UNCHANGED)
    assert picture.shape[0] < 100
    assert train.backgrounds == ()
