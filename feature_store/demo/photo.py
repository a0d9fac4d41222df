"""Take a photo of models on a backdrop: the pixels, and the true box of every product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feature_store.demo import raster, shading, staging, surface
from feature_store.demo.backdrops import Backdrop
from feature_store.demo.geometry import F32, I32, joined
from feature_store.demo.lighting import DISPLAY_CURVE
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

    @property
    def unit(self) -> float:
        """Half the diagonal of everything, in metres: what distances are measured by."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0))) / 2.0


def _gathered(models: Sequence[Model]) -> _Scene:
    parts = [
        (mesh, material, k) for k, model in enumerate(models) for mesh, material in model.parts
    ]
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

    def rays(self) -> F32:
        """Rows: the ray of pixel (0, 0)'s middle, what a column adds to it, what a row adds."""
        right, down = self.right / self.focal, -self.up / self.focal
        corner = self.ahead + right * (0.5 - self.centre[0]) + down * (0.5 - self.centre[1])
        return np.stack([corner, right, down]).astype(np.float32)


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
    shut = 0.42 * raster.blurred(total, 1) + 0.5 * raster.blurred(sky, 4)
    # far shadows leave the map; fading towards its rim hides where they are cut
    far = np.abs(np.linspace(-1, 1, SHADOW))
    rim = np.clip((1.0 - np.maximum(far[:, None], far[None])) / 0.3, 0, 1)
    return (1.0 - shut * rim).astype(np.float32)


def _lamp_colour(warmth: float) -> Colour:
    return 1.0 + 0.08 * warmth, 1.0, 1.0 - 0.12 * warmth


def photograph(models: Sequence[Model], shot: Shot, width: int, height: int) -> Photo:
    """Photograph models that stand on the floor (y = 0) around the origin."""
    scene = _gathered(models)
    camera = _Camera.framing(scene.vertices, shot, width, height)
    screen = camera.screen(scene.vertices, 2.0)
    near = np.zeros((2 * height, 2 * width), np.float32)
    seen = np.full((2 * height, 2 * width), -1, np.int32)
    x, y, nearness = (np.ascontiguousarray(screen[:, k]) for k in range(3))
    raster.rasterise(x, y, nearness, scene.triangles, near, seen)
    picture = _backdrop(scene, shot, camera, seen)
    _shade(scene, shot, camera, screen, np.ascontiguousarray(near[::2, ::2]), seen, picture)
    tight = raster.boxes(seen, scene.thing_of, len(models)) / np.array([width, height] * 2) / 2
    pixels = (picture * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return Photo(pixels, tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in tight))


def _shade(
    scene: _Scene, shot: Shot, camera: _Camera, screen: F32, near: F32, seen: I32, picture: F32
) -> None:
    """Light the products and draw them over the picture; `near` is 1/depth of its pixels."""
    key = _direction(*shot.lamp)
    lightmap, to_light, cell = _light_map(scene, key)
    opens = raster.openness(near, 0.05 * max(near.shape), 0.07 * scene.unit)
    lamp = [shot.exposure * channel for channel in _lamp_colour(shot.warmth)]
    keys = np.array([*key, *lamp, math.radians(shot.lamp[0]), 1.5 * cell, 2.5 * cell], np.float32)
    sky = [0.4 * shot.exposure] * 3
    ground = [0.36 * shot.exposure * channel for channel in shot.backdrop.bounce]
    shading.shade(
        seen, screen, scene.vertices, scene.normals, scene.uvs, scene.tints, scene.triangles,
        scene.material_of, scene.materials, _detail(scene, camera), raster.blurred(opens, 2),
        lightmap, to_light, camera.eye.astype(np.float32), keys,
        np.array(sky + ground, np.float32), camera.focal, DISPLAY_CURVE,
        np.zeros((3, 3), np.float32), picture,
    )  # fmt: skip


def _detail(scene: _Scene, camera: _Camera) -> I32:
    """2 for each material whose relief can be seen from here, else 1 for a pattern, else 0."""
    materials = scene.materials
    distance = max(float(np.linalg.norm(camera.eye)) - scene.unit, 1e-6)
    pixels = materials[:, surface.BUMP_SIZE] * camera.focal / distance
    relief = (materials[:, surface.BUMP] > 0) & (pixels > 2.2)
    return np.where(relief, 2, materials[:, surface.PATTERN] > 0).astype(np.int32)


def _backdrop(scene: _Scene, shot: Shot, camera: _Camera, seen: I32) -> F32:
    """The picture (h, w, 3) without the products."""
    unit = scene.unit
    reach = float(np.abs(scene.vertices[:, (0, 2)]).max()) + 1.5 * unit
    picture = np.zeros((seen.shape[0] // 2, seen.shape[1] // 2, 3), np.float32)
    backdrop = shot.backdrop
    rows = table([backdrop.floor, backdrop.wall])
    wall = float(scene.vertices[:, 2].min()) - backdrop.wall_distance * unit
    stage = np.array(
        [wall, backdrop.seamless, backdrop.fall_off, backdrop.skirting * unit, unit], np.float32
    )
    lamp = 0.3 * unit * _direction(*shot.lamp)[[0, 2]]
    staging.paint_backdrop(
        picture, seen, camera.eye.astype(np.float32), camera.rays(), rows[0], rows[1], stage,
        _floor_shadow(scene, shot, reach), reach, lamp.astype(np.float32), DISPLAY_CURVE,
        np.zeros((2, 3), np.float32),
    )  # fmt: skip
    return picture
