"""What colour each sample of the picture is: cloth, leather, wood and metal in studio light."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import bare_kernel, inline, merge
from feature_store.demo.lighting import display, studio
from feature_store.demo.noise import smoothstep
from feature_store.demo.surface import (
    BUMP,
    BUMP_SIZE,
    CREASE_DEPTH,
    GLOW,
    METAL,
    ROUGH,
    SHEEN,
    SHINE,
    WRAP,
    albedo,
    slopes,
)

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

Vector = tuple[float, float, float]

INSIDE = 0.6
"""How much darker the inside of a shell is drawn than its outside."""


@merge
def _lit(lightmap: F32, x: float, y: float, depth: float) -> float:
    """The share of nine taps around (x, y) on the light's depth map that see the lamp."""
    size = lightmap.shape[0]
    seen = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            c = int(x + i * 1.6)
            r = int(y + j * 1.6)
            if c < 0 or r < 0 or c >= size or r >= size or lightmap[r, c] <= depth:
                seen += 1.0
    return seen / 9.0


@merge
def _weights(
    screen: F32, a: int, b: int, c: int, sx: float, sy: float
) -> tuple[float, float, float]:
    """What share each corner of the triangle has of the sample, in space."""
    px = sx - screen[a, 0]
    py = sy - screen[a, 1]
    abx = screen[b, 0] - screen[a, 0]
    aby = screen[b, 1] - screen[a, 1]
    acx = screen[c, 0] - screen[a, 0]
    acy = screen[c, 1] - screen[a, 1]
    scale = 1.0 / (abx * acy - acx * aby)
    wb = (px * acy - acx * py) * scale
    wc = (abx * py - px * aby) * scale
    wa = (1.0 - wb - wc) * screen[a, 2]
    wb *= screen[b, 2]
    wc *= screen[c, 2]
    whole = 1.0 / (wa + wb + wc)
    return wa * whole, wb * whole, wc * whole


@inline
def _edge(vertices: F32, a: int, b: int) -> Vector:
    """From one vertex to another."""
    return (
        vertices[b, 0] - vertices[a, 0],
        vertices[b, 1] - vertices[a, 1],
        vertices[b, 2] - vertices[a, 2],
    )


@merge
def _raised(
    m: F32, turn: tuple[float, float, float, float], one: Vector, two: Vector, u: float, v: float,
    fine: float,
) -> Vector:  # fmt: skip
    """What relief and creases add to the normal at (u, v).

    `one` and `two` are the triangle's edges, `turn` what u and v change along each.
    """
    det = turn[0] * turn[3] - turn[2] * turn[1]
    if abs(det) < 1e-12:
        return 0.0, 0.0, 0.0
    hu, hv = slopes(m, u, v, fine)
    hu /= det
    hv /= det
    pu = hv * turn[2] - hu * turn[3]
    pv = hu * turn[1] - hv * turn[0]
    return (
        pu * one[0] + pv * two[0],
        pu * one[1] + pv * two[1],
        pu * one[2] + pv * two[2],
    )


@inline
def _unit(x: float, y: float, z: float) -> Vector:
    length = 1.0 / math.sqrt(x * x + y * y + z * z + 1e-20)
    return x * length, y * length, z * length


@merge
def _gleam(
    m: F32, n: Vector, view: Vector, key: F32, lit: float,
    free: float,
) -> float:  # fmt: skip
    """Light thrown back as by a mirror, dull or clear: the studio's lamps, or just a sheen."""
    rough = m[ROUGH]
    if rough < 0.5:
        twice = 2.0 * (n[0] * view[0] + n[1] * view[1] + n[2] * view[2])
        mirrored = studio(
            twice * n[0] - view[0], twice * n[1] - view[1], twice * n[2] - view[2], rough, key[6]
        )
        return mirrored * (0.35 + 0.65 * free) * (0.5 + 0.5 * lit)
    half = _unit(view[0] + key[0], view[1] + key[1], view[2] + key[2])
    along = max(0.0, n[0] * half[0] + n[1] * half[1] + n[2] * half[2])
    spot = along ** (4.0 + 40.0 * (1.0 - rough)) * 2.2 * lit
    return float(spot + 0.35 * (0.5 + 0.5 * n[1]) * free)


@merge
def _light(
    m: F32, skin: F32, n: Vector, view: Vector, key: F32,
    ambient: F32, lit: float, free: float, out: F32,
) -> None:  # fmt: skip
    """The light that leaves the surface to the eye, linear, into out[0:3]."""
    toward = n[0] * key[0] + n[1] * key[1] + n[2] * key[2]
    direct = max(0.0, (toward + m[WRAP]) / (1.0 + m[WRAP])) * lit
    up = 0.5 + 0.5 * n[1]
    away = 1.0 - max(0.0, n[0] * view[0] + n[1] * view[1] + n[2] * view[2])
    rim = away * away * away * away * away
    metal = m[METAL]
    mirror = m[SHINE] + (1.0 - m[SHINE]) * rim * (1.0 - m[ROUGH])
    mirror = mirror * (1.0 - metal) + metal * (0.85 + 0.15 * rim)
    gleam = _gleam(m, n, view, key, lit, free) * mirror
    velvet = m[SHEEN] * away * away * math.sqrt(away) * (0.4 + 0.6 * direct) * free
    for k in range(3):
        around = ambient[3 + k] * (1.0 - up) + ambient[k] * up
        diffuse = skin[k] * (1.0 - metal) * (key[3 + k] * direct + around * free)
        tinted = skin[k] * metal + (1.0 - metal)
        out[k] = diffuse + velvet * (0.4 * skin[k] + 0.1) + gleam * tinted + skin[k] * m[GLOW]


@merge
def _normal(
    m: F32, vertices: F32, normals: F32, uvs: F32, corners: tuple[int, int, int], w: Vector,
    view: Vector, texel: tuple[float, float, float],
) -> tuple[float, float, float, bool]:  # fmt: skip
    """The unit normal towards the eye, relief and all, and whether the sheet's back is seen.

    `texel` is u, v and how much of the fine relief can be seen (0..1).
    """
    a, b, c = corners
    nx = w[0] * normals[a, 0] + w[1] * normals[b, 0] + w[2] * normals[c, 0]
    ny = w[0] * normals[a, 1] + w[1] * normals[b, 1] + w[2] * normals[c, 1]
    nz = w[0] * normals[a, 2] + w[1] * normals[b, 2] + w[2] * normals[c, 2]
    one = _edge(vertices, a, b)
    two = _edge(vertices, a, c)
    # the back of a sheet is known by its flat side: bent normals mislead at the rim
    fx = one[1] * two[2] - one[2] * two[1]
    fy = one[2] * two[0] - one[0] * two[2]
    fz = one[0] * two[1] - one[1] * two[0]
    back = (fx * view[0] + fy * view[1] + fz * view[2]) * (fx * nx + fy * ny + fz * nz) < 0.0
    if (m[BUMP] > 0.0 and texel[2] > 0.0) or m[CREASE_DEPTH] > 0.0:
        turn = (
            uvs[b, 0] - uvs[a, 0], uvs[b, 1] - uvs[a, 1],
            uvs[c, 0] - uvs[a, 0], uvs[c, 1] - uvs[a, 1],
        )  # fmt: skip
        r = _raised(m, turn, one, two, texel[0], texel[1], texel[2])
        nx += r[0]
        ny += r[1]
        nz += r[2]
    side = -1.0 if back else 1.0
    x, y, z = _unit(side * nx, side * ny, side * nz)
    return x, y, z, back


@merge
def _sample(
    w: Vector, a: int, b: int, c: int, m: F32, vertices: F32, normals: F32, uvs: F32,
    tints: F32, lightmap: F32, to_light: F32, eye: F32, key: F32, ambient: F32, focal: float,
    free: float, second: Vector, skin: F32, out: F32,
) -> None:  # fmt: skip
    """Shade one sample into out[0:3], linear; `skin` (3) is room to work in.

    `second` is u, v of another sample whose colour counts half, if its third number is not 0.
    """
    px = w[0] * vertices[a, 0] + w[1] * vertices[b, 0] + w[2] * vertices[c, 0]
    py = w[0] * vertices[a, 1] + w[1] * vertices[b, 1] + w[2] * vertices[c, 1]
    pz = w[0] * vertices[a, 2] + w[1] * vertices[b, 2] + w[2] * vertices[c, 2]
    u = w[0] * uvs[a, 0] + w[1] * uvs[b, 0] + w[2] * uvs[c, 0]
    v = w[0] * uvs[a, 1] + w[1] * uvs[b, 1] + w[2] * uvs[c, 1]
    view = _unit(eye[0] - px, eye[1] - py, eye[2] - pz)
    distance = (eye[0] - px) * view[0] + (eye[1] - py) * view[1] + (eye[2] - pz) * view[2]
    # relief finer than the pixels would only sparkle: it fades out
    fine = smoothstep(2.2, 6.0, m[BUMP_SIZE] * focal / distance)
    nx, ny, nz, back = _normal(m, vertices, normals, uvs, (a, b, c), w, view, (u, v, fine))
    lit = 1.0
    if nx * key[0] + ny * key[1] + nz * key[2] > -m[WRAP]:
        # looked up a little above the surface, or its own coarse depths would speckle it
        qx = px + nx * key[8]
        qy = py + ny * key[8]
        qz = pz + nz * key[8]
        x = to_light[0, 0] * qx + to_light[0, 1] * qy + to_light[0, 2] * qz + to_light[0, 3]
        y = to_light[1, 0] * qx + to_light[1, 1] * qy + to_light[1, 2] * qz + to_light[1, 3]
        lit = _lit(lightmap, x, y, key[0] * qx + key[1] * qy + key[2] * qz + key[7])
    albedo(m, u, v, skin)
    if second[2] > 0.0:
        for k in range(3):
            out[k] = skin[k]
        albedo(m, second[0], second[1], skin)
        for k in range(3):
            skin[k] = 0.5 * (skin[k] + out[k])
    tint = w[0] * tints[a] + w[1] * tints[b] + w[2] * tints[c]
    if back:
        tint *= INSIDE
    for k in range(3):
        skin[k] *= tint
    _light(m, skin, (nx, ny, nz), view, key, ambient, lit, free, out)


@inline
def _samples(seen: I32, row: int, column: int, material_of: I32, detail: I32) -> int:
    """How many of the pixel's four samples must be shaded: 0, 1, 2 or 4.

    3 means: one for the light, two for the colour.
    """
    a = seen[2 * row, 2 * column]
    b = seen[2 * row, 2 * column + 1]
    c = seen[2 * row + 1, 2 * column]
    d = seen[2 * row + 1, 2 * column + 1]
    if a < 0 and b < 0 and c < 0 and d < 0:
        return 0
    if a < 0 or b < 0 or c < 0 or d < 0:
        return 4
    material = material_of[a]
    if material != material_of[d] or material != material_of[b] or material != material_of[c]:
        return 4
    if detail[material] == 0:
        return 1
    return 3 if detail[material] == 1 else 2


@inline
def _opposite(screen: F32, uvs: F32, triangles: I32, t: int, sx: int, sy: int) -> Vector:
    """u and v of the sample across the pixel from (sx, sy), which sees triangle `t`."""
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    w = _weights(screen, a, b, c, sx + 1.5, sy + 1.5)
    u = w[0] * uvs[a, 0] + w[1] * uvs[b, 0] + w[2] * uvs[c, 0]
    v = w[0] * uvs[a, 1] + w[1] * uvs[b, 1] + w[2] * uvs[c, 1]
    return u, v, 1.0


@bare_kernel
def shade(
    seen: I32, screen: F32, vertices: F32, normals: F32, uvs: F32, tints: F32, triangles: I32,
    material_of: I32, materials: F32, detail: I32, opens: F32, lightmap: F32, to_light: F32,
    eye: F32, key: F32, ambient: F32, focal: float, curve: F32, work: F32, picture: F32,
) -> None:  # fmt: skip
    """Shade the samples and lay each pixel's average over `picture` (h, w, 3), display values 0..1.

    `seen` (2h, 2w) holds triangle numbers; `detail` (k) is 0 for materials of which one sample a
    pixel is enough, 1 where only the colour needs two, else 2; `screen` (n, 3) sample x, y and
    1/depth; `to_light` (2, 4) rows give the light map's x, y from a point; `key` (9) is the
    direction to the lamp, its colour, its azimuth, and the light map's bias in depth and along
    the normal; `ambient` (6) sky and ground colours; `focal` the camera's focal length in pixels;
    `curve` the display's; `work` (3, 3) is room to work in.
    """
    skin = work[0]
    light = work[1]
    total = work[2]
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            count = _samples(seen, row, column, material_of, detail)
            if count == 0:
                continue
            for ch in range(3):
                total[ch] = 0.0
            covered = 0
            # of two samples the ones on the diagonal, of one the first
            shared = 1 if count in (1, 3) else count
            for k in range(0, 4, 4 // shared if shared != 2 else 3):
                sy = 2 * row + (k >> 1)
                sx = 2 * column + (k & 1)
                t = seen[sy, sx]
                if t < 0:
                    continue
                covered += 1
                a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                w = _weights(screen, a, b, c, sx + 0.5, sy + 0.5)
                second = (0.0, 0.0, 0.0)
                if count == 3:
                    second = _opposite(screen, uvs, triangles, seen[sy + 1, sx + 1], sx, sy)
                _sample(w, a, b, c, materials[material_of[t]], vertices, normals, uvs, tints,
                        lightmap, to_light, eye, key, ambient, focal, opens[row, column],
                        second, skin, light)  # fmt: skip
                for ch in range(3):
                    total[ch] += display(light[ch], curve)
            for ch in range(3):
                bare = picture[row, column, ch] * (1.0 - covered / shared)
                picture[row, column, ch] = bare + total[ch] / shared
