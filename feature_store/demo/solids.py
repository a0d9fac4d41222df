"""Closed bodies: prisms and boxes with rounded edges, and balls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feature_store.demo.geometry import I32, Mesh, joined, lathe, loft


def rounded_ring(width: float, depth: float, corner: float, count: int = 40) -> NDArray[np.float64]:
    """`count` evenly spaced points (x, z) around a rectangle with round corners."""
    corner = min(corner, width / 2 * 0.999, depth / 2 * 0.999)
    turn = np.linspace(0, np.pi / 2, 9)
    arc = np.stack([np.cos(turn), np.sin(turn)], -1) * corner
    middle = np.array([width / 2 - corner, depth / 2 - corner])
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    corners = [(arc + middle)[:: 1 if k % 2 == 0 else -1] * signs[k] for k in range(4)]
    return resampled(np.concatenate(corners), count)


def resampled(ring: ArrayLike, count: int) -> NDArray[np.float64]:
    """`count` evenly spaced points along a closed ring (k, 2 or 3)."""
    p = np.asarray(ring, np.float64)
    p = np.concatenate([p, p[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count, endpoint=False)
    return np.stack([np.interp(at, length, p[:, k]) for k in range(p.shape[1])], -1)


def prism(
    ring: ArrayLike, height: float, *, round_top: float = 0.0, round_bottom: float = 0.0,
    puff: float = 0.0, steps: int = 4, rows: int = 2,
) -> Mesh:  # fmt: skip
    """A ring (k, 2) in the floor plane raised to `height`, its edges rounded, its lids closed.

    `puff` swells the lid upwards and the sides outwards, as in a cushion. The centre must see
    all of the ring.
    """
    flat = np.asarray(ring, np.float64)
    x, z = flat.T
    if float(x @ np.roll(z, -1) - z @ np.roll(x, -1)) > 0:
        flat = flat[::-1]  # the other way round the skin would look inwards
    centre = flat.mean(axis=0)
    turn = np.linspace(0, np.pi / 2, steps + 1)
    inset = list(round_bottom * (1 - np.sin(turn))) if round_bottom else [0.0]
    level = list(round_bottom * (1 - np.cos(turn))) if round_bottom else [0.0]
    for k in range(1, rows):
        inset.append(0.0)
        level.append(round_bottom + (height - round_top - round_bottom) * k / rows)
    inset += list(round_top * (1 - np.cos(turn))) if round_top else [0.0]
    level += list(height - round_top * (1 - np.sin(turn))) if round_top else [height]
    reach = np.linalg.norm(flat - centre, axis=1).mean()
    rings = []
    for shrink, y in zip(inset, level, strict=True):
        swell = puff * math.sin(math.pi * min(1.0, max(0.0, y / height))) * 0.5
        scale = 1 - (shrink - swell) / reach
        rings.append(_level(centre + (flat - centre) * scale, y))
    bottom, top = rings[0], rings[-1]
    lid = [_lid(top, t, puff) for t in (0.8, 0.55, 0.3, 0.0)]
    base = [_lid(bottom, t, 0.0) for t in (0.0, 0.6)] if round_bottom else []
    if not round_top:
        return joined(
            [loft(np.array(base + rings)), _flat_laid(loft(np.array([top, *lid])), centre)]
        )
    body = loft(np.array(base + rings + lid))
    row = len(base) + len(rings) - 2
    return joined(_lid_apart(body, len(flat) + 1, row, centre))


def _flat_laid(mesh: Mesh, centre: NDArray[np.float64]) -> Mesh:
    """The mesh with its cloth laid from above, u along x and v away from the viewer."""
    uvs = (mesh.vertices[:, (0, 2)] - centre) * np.array([1, -1])
    return replace(mesh, uvs=uvs.astype(np.float32))


def _lid_apart(mesh: Mesh, columns: int, row: int, centre: NDArray[np.float64]) -> list[Mesh]:
    """Cut a loft at one of its rows, so that side and lid can wear the cloth each its own way."""
    cut = row * columns
    side = mesh.triangles[(mesh.triangles < cut + columns).all(axis=1)]
    lid = mesh.triangles[(mesh.triangles >= cut).all(axis=1)] - cut
    below = _rows(mesh, slice(0, cut + columns), side)
    return [below, _flat_laid(_rows(mesh, slice(cut, None), lid), centre)]


def _rows(mesh: Mesh, kept: slice, triangles: I32) -> Mesh:
    return Mesh(
        mesh.vertices[kept], mesh.normals[kept], mesh.uvs[kept], mesh.tints[kept], triangles
    )


def _level(flat: NDArray[np.float64], y: float) -> NDArray[np.float64]:
    return np.stack([flat[:, 0], np.full(len(flat), y), flat[:, 1]], -1)


def _lid(ring: NDArray[np.float64], scale: float, puff: float) -> NDArray[np.float64]:
    centre = ring.mean(axis=0)
    out: NDArray[np.float64] = centre + (ring - centre) * scale
    out[:, 1] += puff * (1 - scale**2)
    return out


def box(
    width: float, height: float, depth: float, *, corner: float, edge: float, puff: float = 0.0,
    sides: int = 40,
) -> Mesh:  # fmt: skip
    """A rounded box that stands on the floor, centred on the y axis."""
    edge = min(edge, height * 0.49)
    return prism(
        rounded_ring(width, depth, corner, sides), height,
        round_top=edge, round_bottom=edge, puff=puff,
    )  # fmt: skip


def ball(radius: float, sides: int = 20) -> Mesh:
    """A sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    return lathe(np.stack([np.cos(angle), np.sin(angle)], -1) * radius, sides)
