"""Shells of cloth, leather and plastic that several families of products are cut from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feature_store.demo.geometry import Mesh, curve, grid, tube

F64 = NDArray[np.float64]
AROUND = 56
"""Points around a body."""


@dataclass(frozen=True)
class Body:
    """The shell of a torso, skirt or bag.

    `rings` (rows, AROUND, 3); `front` (AROUND) is 1 where a column looks at the viewer, -1 at the
    back.
    """

    rings: F64
    front: F64


def body(profile: ArrayLike, rows: int, power: float = 2.4) -> Body:
    """A closed shell through (height, half width, half depth) stations, bottom to top."""
    stations = curve(profile, rows)
    angle = np.linspace(1.5 * np.pi, -0.5 * np.pi, AROUND, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = np.sign(c) * np.abs(c) ** (2 / power)
    z = np.sign(s) * np.abs(s) ** (2 / power)
    rings = np.stack(
        [
            stations[:, 1:2] * x,
            np.repeat(stations[:, 0:1], AROUND, axis=1),
            stations[:, 2:3] * z,
        ],
        -1,
    )
    return Body(rings, s)


def drape(
    shell: F64, chance: random.Random, depth: float, folds: int, share: ArrayLike = 1.0
) -> F64:
    """Push a shell in and out in soft vertical folds; `share` (rows) says how much where."""
    rows, columns = shell.shape[:2]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    up = np.linspace(0, 1, rows)[:, None]
    wave = np.zeros((rows, columns))
    for k in range(3):
        count = max(2, folds + chance.randrange(-2, 3) + 2 * k)
        lean = chance.uniform(-1.2, 1.2)
        wave += np.sin(count * around + lean * up * 3 + chance.uniform(0, 6.3)) / (1 + k)
    middle = shell.mean(axis=1, keepdims=True)
    out = shell - middle
    out[..., 1] = 0
    out /= np.linalg.norm(out, axis=2, keepdims=True) + 1e-9
    amount = depth * wave * np.broadcast_to(np.asarray(share), (rows,))[:, None]
    return np.asarray(shell + out * amount[..., None])


def limb(
    path: ArrayLike,
    half: ArrayLike,
    depth: ArrayLike,
    chance: random.Random,
    *,
    rows: int = 26,
    crumple: float = 0.004,
) -> F64:
    """Rings (rows, 30, 3) of a sleeve or leg along a path in the plane of the picture."""
    p = curve(path, rows)
    along = np.gradient(p, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(rows)], -1)
    angle = -np.pi / 2 + np.linspace(0, 2 * np.pi, 30, endpoint=False)
    t = np.linspace(0, 1, rows)
    a = np.interp(t, np.linspace(0, 1, len(np.atleast_1d(half))), np.atleast_1d(half))
    b = np.interp(t, np.linspace(0, 1, len(np.atleast_1d(depth))), np.atleast_1d(depth))
    wave = np.zeros((rows, 30))
    for k in range(4):
        wave += np.sin(
            (7 + 5 * k) * t[:, None] + chance.choice((-1, 1, 2)) * angle + chance.uniform(0, 6.3)
        ) / (1 + 0.5 * k)
    swell = 1 + crumple * wave / np.maximum(a[:, None], 0.02)
    return np.asarray(
        p[:, None]
        + across[:, None] * (a[:, None] * np.cos(angle) * swell)[..., None]
        + np.array([0, 0, 1.0]) * (b[:, None] * np.sin(angle) * swell)[..., None]
    )


def mirrored(rings: F64) -> F64:
    """The same limb on the other side, its skin still facing outwards."""
    out = rings[:, ::-1] * np.array([-1, 1, 1])
    return np.roll(out, 1, axis=1)


def outward(rings: F64) -> F64:
    """Unit normals (rows, columns, 3) of closed rings."""
    around = np.roll(rings, -1, axis=1) - np.roll(rings, 1, axis=1)
    up = np.gradient(rings, axis=0)
    normal = np.cross(around, up)
    return np.asarray(normal / (np.linalg.norm(normal, axis=2, keepdims=True) + 1e-12))


def on_shell(
    rings: F64, places: Sequence[tuple[float, float]], lift: float, count: int = 24
) -> F64:
    """A smooth path (count, 3) over a shell, `lift` metres above it.

    Places are (row share, column share), 0..1; columns wrap around.
    """
    rows, columns = rings.shape[:2]
    path = curve(np.array(places, np.float64), count)
    lifted = rings + outward(rings) * lift
    x, y = np.clip(path[:, 0], 0, 1) * (rows - 1), (path[:, 1] % 1.0) * columns
    i, j = x.astype(int), y.astype(int)
    tx, ty = (x - i)[:, None], (y - j)[:, None]
    i2, j, j2 = np.minimum(i + 1, rows - 1), j % columns, (j + 1) % columns
    low = lifted[i, j] * (1 - ty) + lifted[i, j2] * ty
    high = lifted[i2, j] * (1 - ty) + lifted[i2, j2] * ty
    return np.asarray(low * (1 - tx) + high * tx)


def patch(rings: F64, rows: tuple[float, float], columns: tuple[float, float], lift: float) -> Mesh:
    """A panel sewn on a shell: the part between row and column shares, `lift` metres above it."""
    count, around = rings.shape[:2]
    first, last = round(rows[0] * (count - 1)), round(rows[1] * (count - 1))
    cols = np.arange(round(columns[0] * around), round(columns[1] * around) + 1) % around
    normal = outward(rings)
    inner = rings[first : last + 1][:, cols]
    raised = inner + normal[first : last + 1][:, cols] * lift
    raised = np.concatenate([inner[:1], raised, inner[-1:]])
    sides = np.concatenate([inner[:1], inner, inner[-1:]])
    return grid(np.concatenate([sides[:, :1], raised, sides[:, -1:]], axis=1))


def seam(path: ArrayLike, radius: float = 0.0012) -> Mesh:
    """A line of thread."""
    return tube(path, radius, sides=5)


def stitches(path: F64, length: float, radius: float = 0.0009) -> list[Mesh]:
    """Single stitches along a path (k, 3): thread for `length` metres, then a gap as long."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    starts = np.arange(0, along[-1] - length, 1.8 * length)
    ends = [
        [np.array([np.interp(at, along, path[:, k]) for k in range(3)]) for at in (s, s + length)]
        for s in starts
    ]
    return [tube(np.array(pair), radius, sides=4) for pair in ends]
