"""Take a photo of models on a backdrop: the pixels, and the true box of every product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_store.demo import raster, shading
from feature_store.demo.backdrops import Backdrop
from feature_store.demo.geometry import F32, I32, joined
from feature_store.demo.materials import table
from feature_store.demo.model import Model
from feature_store.demo.palette import Colour

LIGHTMAP = 220
"""Side of the light's depth map, in cells."""

SHADOW = 128
"""Side of the floor's shadow map, in cells."""


@dataclass(frozen=True)
class Shot:
    """How a photo is taken; angles in degrees.

    `pitch` is how far the camera looks down; `fill` the share of the frame the products take;
    `off_x`, `off_y` move them in the frame (share of it); `lamp` (azimuth, elevation) places
    the key light; `warmth` tints it; `view` (azimuth) lets the camera walk around.
    """

    backdrop: Backdrop
    pitch: float = 12.0
    fill: float = 0.8
    off_x: float = 0.0
    off_y: float = 0.0
    lamp: tuple[float, float] = (-40.0, 50.0)
    warmth: float = 0.0
    exposure: float = 1.0
    lens_degrees: float = 24.0


@dataclass(frozen=True)
class Photo:
    """`pixels` (h, w, 3) uint8 and the boxes of the models in order, normalised x0 y0 x1 y1."""

    pixels: NDArray[np.uint8]
    boxes: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class _Scene:
    vertices: F32
    normals: F32
    uvs: F32
    tints: F32
    triangles: I32
    material_of: I32
    thing_of: I32
    materials: F32


def _gathered(models: Sequence[Model]) -> _Scene:
    parts = [(mesh, material, k) for k, model in enumerate(models) for mesh, material in model.parts]
    whole = joined([mesh for mesh, _, _ in parts])
    counts = [len(mesh.triangles) for mesh, _, _ in parts]
    return _Scene(
        whole.vertices, whole.normals, whole.uvs, whole.tints, whole.triangles,
        np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        np.repeat(np.array([k for _, _, k in parts], np.int32), counts),
        table([material for _, material, _ in parts]),
    )  # fmt: skip


def _direction(azimuth: float, elevation: float) -> NDArray[np.float64]:
    a, e = math.radians(azimuth), math.radians(elevation)
    return np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])


@dataclass(frozen=True)
class _Camera:
    """A pinhole: screen = centre + focal · (right·p, -up·p) / depth, in pixels."""

    eye: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]
    ahead: NDArray[np.float64]
    focal: float
    centre: tuple[float, float]

    @classmethod
    def framing(cls, points: F32, shot: Shot, width: int, height: int) -> _Camera:
        """Look at the points from the shot's pitch so that they fill the frame as it asks."""
        low, high = points.min(axis=0), points.max(axis=0)
        target = (low + high) / 2.0
        radius = float(np.linalg.norm(high - low)) / 2.0
        ahead = -_direction(0.0, shot.pitch)
        eye = target - ahead * radius / math.sin(math.radians(shot.lens_degrees / 2))
        right = np.array([1.0, 0.0, 0.0])
        up = np.cross(right, ahead)
        seen = points - eye
        depth = seen @ ahead
        x, y = (seen @ right) / depth, -(seen @ up) / depth
        span = max(float(np.ptp(x)) / width, float(np.ptp(y)) / height)
        focal = shot.fill / span
        middle_x = (float(x.min()) + float(x.max())) / 2
        middle_y = (float(y.min()) + float(y.max())) / 2
        centre = (
            width * (0.5 + shot.off_x) - focal * middle_x,
            height * (0.5 + shot.off_y) - focal * middle_y,
        )
        return cls(eye, right, up, ahead, focal, centre)

    def screen(self, points: F32, scale: float) -> F32:
        """Sample x, y and 1/depth of points (n, 3), `scale` samples to a pixel."""
        seen = points - self.eye
        near = 1.0 / (seen @ self.ahead)
        x = (self.centre[0] + self.focal * (seen @ self.right) * near) * scale
        y = (self.centre[1] - self.focal * (seen @ self.up) * near) * scale
        return np.ascontiguousarray(np.stack([x, y, near], -1), np.float32)

    def rays(self) -> tuple[F32, F32, F32]:
        """Ray of pixel (0, 0)'s middle, and what one column and one row add to it."""
        right, down = self.right / self.focal, -self.up / self.focal
        corner = self.ahead + right * (0.5 - self.centre[0]) + down * (0.5 - self.centre[1])
        return corner.astype(np.float32), right.astype(np.float32), down.astype(np.float32)


def _light_map(scene: _Scene, key: NDArray[np.float64]) -> tuple[F32, F32, float]:
    """Depths seen from the lamp, the rows that find a point's cell in it, and one cell's size."""
    right = np.cross([0.0, 1.0, 0.0], key)
    right /= np.linalg.norm(right)
    up = np.cross(key, right)
    x, y = scene.vertices @ right, scene.vertices @ up
    size = max(float(np.ptp(x)), float(np.ptp(y))) / (LIGHTMAP - 8)
    rows = np.zeros((2, 4), np.float32)
    rows[0, :3], rows[0, 3] = right / size, 4 - float(x.min()) / size
    rows[1, :3], rows[1, 3] = up / size, 4 - float(y.min()) / size
    nearest = np.full((LIGHTMAP, LIGHTMAP), -1e9, np.float32)
    seen = np.full((LIGHTMAP, LIGHTMAP), -1, np.int32)
    raster.rasterise(
        (x / size + rows[0, 3]).astype(np.float32), (y / size + rows[1, 3]).astype(np.float32),
        (scene.vertices @ key).astype(np.float32), scene.triangles, nearest, seen,
    )  # fmt: skip
    return nearest, rows, size


def _floor_shadow(scene: _Scene, shot: Shot, reach: float) -> F32:
    """Light left on the floor (SHADOW, SHADOW) over -reach..reach, from a wide lamp and the sky."""
    total = np.zeros((SHADOW, SHADOW), np.float32)
    sky = np.zeros((SHADOW, SHADOW), np.float32)
    mark = np.full((SHADOW, SHADOW), -1, np.int32)
    azimuth, elevation = shot.lamp
    spread = ((0, 0), (-9, 5), (9, 5), (-6, -7), (6, -7))
    lamps = [(_direction(azimuth + a, elevation + e), 1 / len(spread), total) for a, e in spread]
    lamps += [(_direction(45 + 72 * k, 35 + 12 * (k % 2)), 0.13, sky) for k in range(5)]
    lamps += [(_direction(20 + 120 * k, 68), 0.117, sky) for k in range(3)]
    for number, (direction, weight, into) in enumerate(lamps):
        along = scene.vertices[:, 1] / direction[1]
        x = scene.vertices[:, 0] - along * direction[0]
        z = scene.vertices[:, 2] - along * direction[2]
        raster.cover(
            ((x / reach * 0.5 + 0.5) * SHADOW).astype(np.float32),
            ((z / reach * 0.5 + 0.5) * SHADOW).astype(np.float32),
            scene.triangles, weight, mark, number, into,
        )  # fmt: skip
    soft = raster.blurred(total, 1)
    return (1.0 - 0.42 * soft - 0.5 * raster.blurred(sky, 3)).astype(np.float32)


def _lamp_colour(warmth: float) -> Colour:
    return 1.0 + 0.08 * warmth, 1.0, 1.0 - 0.12 * warmth


def photograph(models: Sequence[Model], shot: Shot, width: int, height: int) -> Photo:
    """Photograph models that stand on the floor (y = 0) around the origin."""
    scene = _gathered(models)
    camera = _Camera.framing(scene.vertices, shot, width, height)
    screen = camera.screen(scene.vertices, 2.0)
    near = np.zeros((2 * height, 2 * width), np.float32)
    seen = np.full((2 * height, 2 * width), -1, np.int32)
    raster.rasterise(screen[:, 0].copy(), screen[:, 1].copy(), screen[:, 2].copy(),
                     scene.triangles, near, seen)  # fmt: skip
    span = np.ptp(scene.vertices, axis=0)
    unit = float(np.linalg.norm(span)) / 2.0
    picture = _backdrop(scene, shot, camera, unit, width, height)
    key = _direction(*shot.lamp)
    lightmap, to_light, cell = _light_map(scene, key)
    half = np.ascontiguousarray(near[::2, ::2])
    opens = raster.openness(half, 0.05 * max(width, height), 0.07 * unit)
    opens = raster.blurred(opens, 1)
    keys = np.array([*key, *(1.0 * shot.exposure * c for c in _lamp_colour(shot.warmth)),
                     math.radians(shot.lamp[0]), 2.6 * cell + 0.004 * unit], np.float32)  # fmt: skip
    sky = [0.4 * shot.exposure] * 3
    ground = [0.36 * c * shot.exposure for c in shot.backdrop.bounce]
    shading.shade(
        seen, screen, scene.vertices, scene.normals, scene.uvs, scene.tints, scene.triangles,
        scene.material_of, scene.materials, opens, lightmap, to_light,
        camera.eye.astype(np.float32), keys, np.array(sky + ground, np.float32), camera.focal,
        picture,
    )  # fmt: skip
    tight = raster.boxes(seen, scene.thing_of, len(models)) / np.array([width, height] * 2) / 2
    pixels = np.clip(picture * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return Photo(pixels, tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in tight))


def _backdrop(
    scene: _Scene, shot: Shot, camera: _Camera, unit: float, width: int, height: int
) -> F32:
    reach = float(np.abs(scene.vertices[:, (0, 2)]).max()) + 1.0 * unit
    picture = np.empty((height, width, 3), np.float32)
    backdrop = shot.backdrop
    rows = table([backdrop.floor, backdrop.wall])
    back = float(scene.vertices[:, 2].min())
    placing = np.array(
        [back - backdrop.wall_distance * unit, backdrop.seamless, 0.0, backdrop.fall_off,
         backdrop.skirting * unit, unit], np.float32,
    )  # fmt: skip
    lamp = -0.3 * _direction(*shot.lamp) * unit
    shading.paint_backdrop(
        picture, camera.eye.astype(np.float32), *camera.rays(), rows[0], rows[1], placing,
        _floor_shadow(scene, shot, reach), reach, np.array([-lamp[0], -lamp[2]], np.float32),
    )  # fmt: skip
    return picture
