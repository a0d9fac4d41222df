"""Paint what is behind the products: the floor with its shadows, and the wall."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import bare_kernel, inline
from feature_store.demo.lighting import display
from feature_store.demo.noise import smoothstep
from feature_store.demo.surface import albedo

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

WALL, SEAMLESS, FALL_OFF, SKIRTING, UNIT = 0, 1, 2, 3, 4
"""Places in the description of a stage: the wall's z, 1 if floor and wall are one sheet of paper,
how dark it gets away from the light (0..1), the skirting board's height, the products' radius."""


@inline
def _shadow(shadow: F32, reach: float, x: float, z: float) -> float:
    """The light left at (x, z) on the floor by a map (s, s) over -reach..reach."""
    size = shadow.shape[0]
    gx = (x / reach * 0.5 + 0.5) * size - 0.5
    gz = (z / reach * 0.5 + 0.5) * size - 0.5
    if gx < 0.0 or gx >= size - 1 or gz < 0.0 or gz >= size - 1:
        return 1.0
    ix = int(gx)
    iz = int(gz)
    tx = gx - ix
    near = shadow[iz, ix] * (1.0 - tx) + shadow[iz, ix + 1] * tx
    far = shadow[iz + 1, ix] * (1.0 - tx) + shadow[iz + 1, ix + 1] * tx
    return float(near + (far - near) * (gz - iz))


@inline
def _floor_light(stage: F32, lamp: F32, x: float, z: float) -> float:
    """The light on a floor that meets a wall: dimmer away from the lamp and in the corner."""
    unit = stage[UNIT]
    far = math.sqrt((x - lamp[0]) ** 2 + (z - lamp[1]) ** 2) / unit
    corner = 0.8 + 0.2 * smoothstep(0.0, 0.5 * unit, z - stage[WALL])
    return float((1.0 - stage[FALL_OFF] * smoothstep(0.3, 5.0, far)) * corner)


@inline
def _wall_light(stage: F32, lamp: F32, x: float, y: float) -> float:
    """The light on a wall that meets a floor."""
    unit = stage[UNIT]
    far = math.sqrt((x - lamp[0]) ** 2 + (y - 1.2 * unit) ** 2) / unit
    corner = 0.82 + 0.18 * smoothstep(0.0, 0.6 * unit, y)
    return float((1.0 - stage[FALL_OFF] * smoothstep(0.3, 5.0, far)) * corner)


@inline
def _skirting(stage: F32, y: float, skin: F32) -> None:
    """Put the white board at the wall's foot, with its lighter upper edge, into skin[0:3]."""
    if y < stage[SKIRTING]:
        for ch in range(3):
            skin[ch] = 0.86 if y < stage[SKIRTING] * 0.93 else 0.95


@inline
def _place(
    eye: F32, dx: float, dy: float, dz: float, wall: float
) -> tuple[float, float, float, bool]:
    """Where a ray meets floor or wall, and whether it is the floor."""
    on_floor = dy < -1e-4
    distance = -eye[1] / dy if on_floor else 1e6
    if dz < -1e-6 and (wall - eye[2]) / dz < distance:
        on_floor = False
        distance = (wall - eye[2]) / dz
    return eye[0] + dx * distance, eye[1] + dy * distance, eye[2] + dz * distance, on_floor


@inline
def _hidden(seen: I32, row: int, column: int) -> bool:
    """Whether products cover all four samples of a pixel."""
    r = 2 * row
    c = 2 * column
    above = seen[r, c] >= 0 and seen[r, c + 1] >= 0
    return bool(above and seen[r + 1, c] >= 0 and seen[r + 1, c + 1] >= 0)


@bare_kernel
def paint_backdrop(
    picture: F32, seen: I32, eye: F32, rays: F32, floor: F32, wall: F32, stage: F32, shadow: F32,
    reach: float, lamp: F32, curve: F32, work: F32,
) -> None:  # fmt: skip
    """Fill `picture` (h, w, 3), display values, where the products in `seen` (2h, 2w) leave gaps.

    The ray of pixel (row, column) is `rays[0] + column·rays[1] + row·rays[2]`; `floor` and `wall`
    are rows of the table of materials; `shadow` (s, s) is the light left on the floor over
    -reach..reach; `lamp` (2) the floor's x, z that is lit best; `curve` the display's;
    `work` (2, 3) is room to work in.
    """
    tall, wide = picture.shape[0], picture.shape[1]
    skin = work[0]
    ray = work[1]
    for row in range(tall):
        for column in range(wide):
            if _hidden(seen, row, column):
                continue
            for k in range(3):
                ray[k] = rays[0, k] + column * rays[1, k] + row * rays[2, k]
            x, y, z, on_floor = _place(eye, ray[0], ray[1], ray[2], stage[WALL])
            left = 1.0
            if on_floor:
                albedo(floor, x, z, skin)
                left = _shadow(shadow, reach, x, z)
            else:
                albedo(wall, x, y, skin)
                _skirting(stage, y, skin)
            if stage[SEAMLESS] > 0.0:
                # seamless paper has no horizon: its light depends on the place in the frame
                off = math.sqrt(((column / wide - 0.42) * 1.2) ** 2 + (row / tall - 0.45) ** 2)
                left *= 1.0 - stage[FALL_OFF] * smoothstep(0.1, 1.0, off)
            elif on_floor:
                left *= _floor_light(stage, lamp, x, z)
            else:
                left *= _wall_light(stage, lamp, x, y)
            for ch in range(3):
                picture[row, column, ch] = display(skin[ch] * left, curve)
