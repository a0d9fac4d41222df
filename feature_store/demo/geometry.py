"""Meshes and the ways to make them: grids, lofts, lathes, tubes and rounded boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@dataclass(frozen=True)
class Mesh:
    """Triangles of one material: n vertices with normals, places on the cloth and tints.

    `vertices` and `normals` (n, 3), `uvs` (n, 2) in metres, `tints` (n) multiply the colour,
    `triangles` (m, 3) number the vertices. y points up, z to the viewer; units are metres.
    """

    vertices: F32
    normals: F32
    uvs: F32
    tints: F32
    triangles: I32

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The same mesh elsewhere."""
        return replace(self, vertices=self.vertices + np.array([x, y, z], np.float32))

    def turned(self, axis: str, degrees: float) -> Mesh:
        """Turned about the x, y or z axis through the origin, counter-clockwise from its tip."""
        matrix = rotation(axis, degrees)
        return replace(self, vertices=self.vertices @ matrix.T, normals=self.normals @ matrix.T)

    def scaled(self, x: float, y: float, z: float) -> Mesh:
        """Stretched along the axes; negative factors mirror."""
        factors = np.array([x, y, z], np.float32)
        normals = self.normals / factors
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        return replace(self, vertices=self.vertices * factors, normals=normals.astype(np.float32))

    def tinted(self, tint: float) -> Mesh:
        """The same mesh, lighter or darker."""
        return replace(self, tints=(self.tints * tint).astype(np.float32))


def rotation(axis: str, degrees: float) -> F32:
    """The matrix (3, 3) that turns column vectors about the axis x, y or z."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], np.float32)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one."""
    counts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.normals for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.uvs for mesh in meshes]).astype(np.float32),
        np.concatenate([mesh.tints for mesh in meshes]).astype(np.float32),
        np.concatenate(
            [mesh.triangles + first for mesh, first in zip(meshes, counts[:-1], strict=True)]
        ).astype(np.int32),
    )


def grid(points: ArrayLike, *, wrap: bool = False, uvs: NDArray[np.float64] | None = None) -> Mesh:
    """A sheet through points (rows, columns, 3); `wrap` when the last column repeats the first.

    Without `uvs` (rows, columns, 2) the cloth is laid by arc length, u along the columns with 0
    in the middle column, v along the rows, upwards from the first.
    """
    p = np.asarray(points, np.float64)
    rows, columns = p.shape[:2]
    if uvs is None:
        uvs = _arc_lengths(p)
    along = p[:, 1:] - p[:, :-1]
    across = p[1:] - p[:-1]
    face = np.cross(along[:-1] + along[1:], across[:, :-1] + across[:, 1:])
    normal = np.zeros_like(p)
    normal[:-1, :-1] += face
    normal[1:, :-1] += face
    normal[:-1, 1:] += face
    normal[1:, 1:] += face
    if wrap:
        both = normal[:, 0] + normal[:, -1]
        normal[:, 0] = both
        normal[:, -1] = both
    for end in (0, -1):
        if float(np.ptp(p[end], axis=0).max()) < 1e-6:
            normal[end] = normal[end].sum(axis=0)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True) + 1e-12
    first = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    a, b, c, d = first, first + 1, first + columns, first + columns + 1
    triangles = np.stack([np.stack([a, b, d], -1), np.stack([a, d, c], -1)], 2)
    return Mesh(
        p.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        uvs.reshape(-1, 2).astype(np.float32),
        np.ones(rows * columns, np.float32),
        triangles.reshape(-1, 3).astype(np.int32),
    )


def _arc_lengths(p: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = p.shape[:2]
    around = np.zeros((rows, columns))
    around[:, 1:] = np.cumsum(np.linalg.norm(p[:, 1:] - p[:, :-1], axis=2), axis=1)
    # one scale for the whole sheet: the cloth narrows by taking less of it, not by shrinking
    widest = around[:, -1].max()
    shape = around / np.maximum(around[:, -1:], 1e-9)
    u = (shape - 0.5) * np.where(around[:, -1:] > 0.35 * widest, around[:, -1:], 0.35 * widest)
    v = np.zeros((rows, columns))
    v[1:] = np.cumsum(np.linalg.norm(p[1:] - p[:-1], axis=2), axis=0)
    v = np.broadcast_to(v.mean(axis=1, keepdims=True), v.shape)
    return np.stack([u, v], -1)


def loft(rings: ArrayLike, *, hanging: bool = False) -> Mesh:
    """A skin over closed rings (rows, columns, 3) whose first point is not repeated.

    The cloth's rows follow the rings, or, where it is `hanging`, lie level.
    """
    p = np.asarray(rings, np.float64)
    p = np.concatenate([p, p[:, :1]], axis=1)
    if not hanging:
        return grid(p, wrap=True)
    uvs = _arc_lengths(p)
    uvs[..., 1] = p[..., 1]
    return grid(p, wrap=True, uvs=uvs)


def lathe(profile: ArrayLike, sides: int = 40) -> Mesh:
    """The profile (k, 2) of radius and height turned about the y axis; u is 0 at the front."""
    p = np.asarray(profile, np.float64)
    # the middle column, where u is 0, must face the viewer at +z
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, sides + 1)
    ring = np.stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)], -1)
    points = p[:, None, :1] * ring[None] + np.array([0, 1, 0]) * p[:, None, 1:]
    return grid(points, wrap=True)


def curve(points: ArrayLike, count: int) -> NDArray[np.float64]:
    """`count` points along a smooth (centripetal-free Catmull-Rom) curve through the given ones."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3 - 1e-9, count)
    i = t.astype(int)
    t = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    smooth: NDArray[np.float64] = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3
    )
    return smooth


def tube(
    path: ArrayLike,
    radius: ArrayLike,
    *,
    sides: int = 10,
    closed: bool = False,
    flat: float = 1.0,
    up: tuple[float, float, float] = (0.0, 1.0, 0.0),
) -> Mesh:
    """A tube along a path (k, 3) with one radius or one for each point.

    `flat` below 1 squeezes it across `up`, for straps: the wide side then lies along `up`.
    """
    p = np.asarray(path, np.float64)
    if closed:
        p = np.concatenate([p, p[:1]])
    ahead = np.empty_like(p)
    ahead[1:-1] = p[2:] - p[:-2]
    ahead[0] = p[1] - p[0]
    ahead[-1] = p[-1] - p[-2]
    if closed:
        ahead[0] = ahead[-1] = p[1] - p[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-12
    side = _sides(ahead, np.asarray(up, np.float64))
    above = np.cross(side, ahead)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(p),))
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = (
        side[:, None] * (np.cos(angle) * flat)[None, :, None]
        + above[:, None] * np.sin(angle)[None, :, None]
    )
    rings = p[:, None] + ring * radii[:, None, None]
    if not closed:
        rings = np.concatenate(
            [np.repeat(p[:1, None], sides, 1), rings, np.repeat(p[-1:, None], sides, 1)]
        )
    return loft(rings[:, ::-1])


def _sides(ahead: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors across the path that turn as little as they can along it."""
    side = np.cross(ahead, up)
    weak = np.linalg.norm(side, axis=1) < 0.1
    if weak.any():
        first = np.cross(ahead[0], up if not weak[0] else np.array([1.0, 0.0, 0.13]))
        side = np.empty_like(ahead)
        last = first
        for k, direction in enumerate(ahead):
            last = last - direction * float(last @ direction)
            last = last / (np.linalg.norm(last) + 1e-12)
            side[k] = last
    unit: NDArray[np.float64] = side / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-12)
    return unit
