"""What colour each sample of the picture is: cloth, leather, wood and metal in studio light."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import inline, kernel
from feature_store.demo.lighting import display, studio
from feature_store.demo.noise import fractal, smoothstep, value
from feature_store.demo.patterns import pattern

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]

# Columns of the table of materials; `materials.py` writes them.
FIRST, SECOND, THIRD = 0, 3, 6
PATTERN, REPEAT, ANGLE, SEED, SHIFT_U, SHIFT_V = 9, 10, 11, 12, 13, 14
ROUGH, SHINE, METAL, SHEEN, WRAP, GLOW = 15, 16, 17, 18, 19, 20
BUMP, BUMP_SIZE, BUMP_DEPTH, CREASE_SIZE, CREASE_DEPTH, MOTTLE = 21, 22, 23, 24, 25, 26
COLUMNS = 27

BUMPS = ("smooth", "weave", "knit", "grain", "fibre", "cord", "fleece", "brushed", "quilt", "cable")
"""The fine reliefs by name; the place in this list is the number in column `BUMP`."""


@inline
def _relief(kind: int, u: float, v: float) -> float:
    """Height of the fine relief, 0..1, at (u, v) in repeats."""
    if kind == 1:
        over = (int(math.floor(u)) + int(math.floor(v))) & 1
        a = math.sin(math.pi * (u - math.floor(u)))
        b = math.sin(math.pi * (v - math.floor(v)))
        return a * (1.0 - 0.6 * b) if over == 0 else b * (1.0 - 0.6 * a)
    if kind == 2:
        side = abs(u - math.floor(u) - 0.5)
        return abs(math.sin(math.pi * (v + side))) * (0.4 + 1.2 * side)
    if kind == 3:
        return abs(fractal(u, v, 5) - 0.5) * 2.0
    if kind == 4:
        return fractal(u * 3.0, v * 0.2, 3)
    if kind == 5:
        return abs(math.sin(math.pi * u))
    if kind == 6:
        return value(u, v, 7) * 0.6 + value(u * 2.3, v * 2.3, 8) * 0.4
    if kind == 7:
        return value(u * 0.15, v * 4.0, 4)
    if kind == 8:
        return math.sqrt(abs(math.sin(math.pi * (u + v)) * math.sin(math.pi * (u - v))))
    if kind == 9:
        strand = math.sin(math.pi * 2.0 * u) * math.sin(math.pi * 2.0 * v + 3.1 * math.cos(6.283 * u))
        return 0.5 + 0.5 * strand
    return 0.0


@inline
def _height(m: F32, u: float, v: float, fine: float) -> float:
    """Height in metres of the relief and the creases of one material at (u, v) metres."""
    h = 0.0
    kind = int(m[BUMP])
    if kind > 0 and fine > 0.0:
        h += _relief(kind, u / m[BUMP_SIZE], v / m[BUMP_SIZE]) * m[BUMP_DEPTH] * fine
    if m[CREASE_DEPTH] > 0.0:
        # cloth hangs: its creases run down more than across, and no two pieces crease alike
        s = 1.0 / m[CREASE_SIZE]
        x = u * s + m[SEED] * 7.31
        y = v * s * 0.42 + m[SEED] * 3.17
        bend = value(x * 0.6, y * 0.6, 21)
        soft = value(x + 1.1 * bend, y - 0.8 * bend, 22)
        ridge = 1.0 - abs(2.0 * value(x * 1.3 + 0.9 * bend, y * 1.5 + bend, 23) - 1.0)
        h += m[CREASE_DEPTH] * (soft + 0.35 * ridge * ridge)
    return h


@inline
def _lit(lightmap: F32, x: float, y: float, depth: float, bias: float) -> float:
    """The share of nine taps around (x, y) on the light's depth map that see the lamp."""
    size = lightmap.shape[0]
    seen = 0.0
    for j in range(-1, 2):
        for i in range(-1, 2):
            c = int(x + i * 1.6)
            r = int(y + j * 1.6)
            if c < 0 or r < 0 or c >= size or r >= size or lightmap[r, c] <= depth + bias:
                seen += 1.0
    return seen / 9.0


@inline
def _albedo(m: F32, u: float, v: float, out: F32) -> None:
    """The surface's own colour at (u, v) metres, written to out[0:3], linear."""
    kind = int(m[PATTERN])
    second = 0.0
    third = 0.0
    seed = int(m[SEED])
    if kind > 0:
        c = math.cos(m[ANGLE])
        s = math.sin(m[ANGLE])
        pu = (u - m[SHIFT_U]) / m[REPEAT]
        pv = (v - m[SHIFT_V]) / m[REPEAT]
        second, third = pattern(kind, c * pu - s * pv, s * pu + c * pv, seed)
    tone = 1.0
    if m[MOTTLE] > 0.0:
        size = m[CREASE_SIZE]
        tone += m[MOTTLE] * (fractal(u / size, v / size, seed + 40) - 0.5)
    for k in range(3):
        mixed = m[FIRST + k] * (1.0 - second - third) + m[SECOND + k] * second + m[THIRD + k] * third
        out[k] = mixed * tone


@kernel
def shade(
    seen: I32, screen: F32, vertices: F32, normals: F32, uvs: F32, tints: F32, triangles: I32,
    material_of: I32, materials: F32, opens: F32, lightmap: F32, to_light: F32,
    eye: F32, key: F32, ambient: F32, focal: float, picture: F32,
) -> None:  # fmt: skip
    """Shade every sample and lay the averages over `picture` (h, w, 3), display values 0..1.

    `seen` (2h, 2w) holds triangle numbers; `screen` (n, 3) sample x, y and 1/depth; `to_light`
    (2, 4) rows give the light map's x, y from a point, `key` (8) is the direction to the lamp,
    its colour, its azimuth and the light map's bias; `ambient` (6) sky and ground
    colours, `focal` the camera's focal length in pixels.
    """
    height, width = picture.shape[0], picture.shape[1]
    skin = np.zeros(3, np.float32)
    for row in range(height):
        for column in range(width):
            first = seen[2 * row, 2 * column]
            second = seen[2 * row, 2 * column + 1]
            third = seen[2 * row + 1, 2 * column]
            fourth = seen[2 * row + 1, 2 * column + 1]
            if first < 0 and second < 0 and third < 0 and fourth < 0:
                continue
            plain = (
                first >= 0 and second >= 0 and third >= 0 and fourth >= 0
                and material_of[first] == material_of[fourth]
                and material_of[second] == material_of[third]
            )  # fmt: skip
            red = 0.0
            green = 0.0
            blue = 0.0
            covered = 0.0
            for k in range(4):
                if plain and (k == 1 or k == 2):
                    continue
                sy = 2 * row + (k >> 1)
                sx = 2 * column + (k & 1)
                t = seen[sy, sx]
                if t < 0:
                    continue
                share = 2.0 if plain else 1.0
                covered += share
                a = triangles[t, 0]
                b = triangles[t, 1]
                c = triangles[t, 2]
                xa = screen[a, 0]
                ya = screen[a, 1]
                abx = screen[b, 0] - xa
                aby = screen[b, 1] - ya
                acx = screen[c, 0] - xa
                acy = screen[c, 1] - ya
                scale = 1.0 / (abx * acy - acx * aby)
                px = sx + 0.5 - xa
                py = sy + 0.5 - ya
                wb = (px * acy - acx * py) * scale
                wc = (abx * py - px * aby) * scale
                wa = (1.0 - wb - wc) * screen[a, 2]
                wb *= screen[b, 2]
                wc *= screen[c, 2]
                whole = 1.0 / (wa + wb + wc)
                wa *= whole
                wb *= whole
                wc *= whole
                x = wa * vertices[a, 0] + wb * vertices[b, 0] + wc * vertices[c, 0]
                y = wa * vertices[a, 1] + wb * vertices[b, 1] + wc * vertices[c, 1]
                z = wa * vertices[a, 2] + wb * vertices[b, 2] + wc * vertices[c, 2]
                nx = wa * normals[a, 0] + wb * normals[b, 0] + wc * normals[c, 0]
                ny = wa * normals[a, 1] + wb * normals[b, 1] + wc * normals[c, 1]
                nz = wa * normals[a, 2] + wb * normals[b, 2] + wc * normals[c, 2]
                u = wa * uvs[a, 0] + wb * uvs[b, 0] + wc * uvs[c, 0]
                v = wa * uvs[a, 1] + wb * uvs[b, 1] + wc * uvs[c, 1]
                tint = wa * tints[a] + wb * tints[b] + wc * tints[c]
                m = materials[material_of[t]]
                _albedo(m, u, v, skin)

                vx = eye[0] - x
                vy = eye[1] - y
                vz = eye[2] - z
                length = 1.0 / math.sqrt(vx * vx + vy * vy + vz * vz)
                near = length
                vx *= length
                vy *= length
                vz *= length
                # the back of a sheet is known by its flat side: bent normals mislead at the rim
                e1x = vertices[b, 0] - vertices[a, 0]
                e1y = vertices[b, 1] - vertices[a, 1]
                e1z = vertices[b, 2] - vertices[a, 2]
                e2x = vertices[c, 0] - vertices[a, 0]
                e2y = vertices[c, 1] - vertices[a, 1]
                e2z = vertices[c, 2] - vertices[a, 2]
                fx = e1y * e2z - e1z * e2y
                fy = e1z * e2x - e1x * e2z
                fz = e1x * e2y - e1y * e2x
                facing = (fx * vx + fy * vy + fz * vz) * (fx * nx + fy * ny + fz * nz)
                if facing < 0.0:
                    nx = -nx
                    ny = -ny
                    nz = -nz
                    tint *= 0.6
                # relief finer than the pixels would only sparkle: it fades out
                fine = smoothstep(2.2, 6.0, m[BUMP_SIZE] * focal * near)
                if (m[BUMP] > 0.0 and fine > 0.0) or m[CREASE_DEPTH] > 0.0:
                    du1 = uvs[b, 0] - uvs[a, 0]
                    dv1 = uvs[b, 1] - uvs[a, 1]
                    du2 = uvs[c, 0] - uvs[a, 0]
                    dv2 = uvs[c, 1] - uvs[a, 1]
                    det = du1 * dv2 - du2 * dv1
                    if abs(det) > 1e-12:
                        step = 0.12 * m[BUMP_SIZE] if fine > 0.0 else 0.02 * m[CREASE_SIZE]
                        h0 = _height(m, u, v, fine)
                        hu = (_height(m, u + step, v, fine) - h0) / step / det
                        hv = (_height(m, u, v + step, fine) - h0) / step / det
                        turn = -1.0 if facing < 0.0 else 1.0
                        pu = (hu * dv2 - hv * du2) * turn
                        pv = (hv * du1 - hu * dv1) * turn
                        nx -= pu * e1x + pv * e2x
                        ny -= pu * e1y + pv * e2y
                        nz -= pu * e1z + pv * e2z
                length = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
                nx *= length
                ny *= length
                nz *= length

                nl = nx * key[0] + ny * key[1] + nz * key[2]
                nv = max(0.0, nx * vx + ny * vy + nz * vz)
                lit = 1.0
                if nl > -m[WRAP]:
                    lx = to_light[0, 0] * x + to_light[0, 1] * y + to_light[0, 2] * z + to_light[0, 3]
                    ly = to_light[1, 0] * x + to_light[1, 1] * y + to_light[1, 2] * z + to_light[1, 3]
                    ld = key[0] * x + key[1] * y + key[2] * z
                    lit = _lit(lightmap, lx, ly, ld, key[7])
                wrap = m[WRAP]
                direct = max(0.0, (nl + wrap) / (1.0 + wrap)) * lit
                free = opens[row, column]
                up = 0.5 + 0.5 * ny
                shine = m[SHINE]
                rough = m[ROUGH]
                metal = m[METAL]
                rim = (1.0 - nv) ** 5.0
                gleam = 0.0
                if rough < 0.5:
                    rx = 2.0 * nv * nx - vx
                    ry = 2.0 * nv * ny - vy
                    rz = 2.0 * nv * nz - vz
                    gleam = studio(rx, ry, rz, rough, key[6]) * (0.35 + 0.65 * free) * (0.5 + 0.5 * lit)
                else:
                    hx = vx + key[0]
                    hy = vy + key[1]
                    hz = vz + key[2]
                    length = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz)
                    nh = max(0.0, (nx * hx + ny * hy + nz * hz) * length)
                    gleam = (nh ** (4.0 + 40.0 * (1.0 - rough)) * 2.2 * lit + 0.35 * up * free)
                mirror = shine + (1.0 - shine) * rim * (1.0 - rough)
                velvet = m[SHEEN] * (1.0 - nv) ** 2.5
                for ch in range(3):
                    base = skin[ch] * tint
                    hemi = ambient[3 + ch] * (1.0 - up) + ambient[ch] * up
                    diffuse = base * (1.0 - metal) * (key[3 + ch] * direct + hemi * free)
                    diffuse += velvet * (0.4 * base + 0.1) * (0.4 + 0.6 * direct) * free
                    tinted = base * metal + (1.0 - metal)
                    strength = mirror * (1.0 - metal) + metal * (0.85 + 0.15 * rim)
                    light = diffuse + gleam * strength * tinted + base * m[GLOW]
                    if ch == 0:
                        red += display(light) * share
                    elif ch == 1:
                        green += display(light) * share
                    else:
                        blue += display(light) * share
            bare = 1.0 - covered * 0.25
            picture[row, column, 0] = picture[row, column, 0] * bare + red * 0.25
            picture[row, column, 1] = picture[row, column, 1] * bare + green * 0.25
            picture[row, column, 2] = picture[row, column, 2] * bare + blue * 0.25


@kernel
def paint_backdrop(
    picture: F32, eye: F32, corner: F32, right: F32, down: F32, floor: F32, wall: F32,
    scene: F32, shadow: F32, reach: float, lamp: F32,
) -> None:  # fmt: skip
    """Fill `picture` (h, w, 3), display values, with the floor, its shadows and the wall behind.

    The ray of pixel (row, column) is `corner + column·right + row·down`; `floor` and `wall` are
    rows of the table of materials; `scene` (6): wall's z, 1 if the wall is seamless, distance at
    which the floor fades, strength of the fall-off, skirting height, unit; `shadow` (s, s) is the
    light left on the floor over -reach..reach; `lamp` (2) is the floor point lit best.
    """
    height, width = picture.shape[0], picture.shape[1]
    size = shadow.shape[0]
    skin = np.zeros(3, np.float32)
    for row in range(height):
        for column in range(width):
            dx = corner[0] + column * right[0] + row * down[0]
            dy = corner[1] + column * right[1] + row * down[1]
            dz = corner[2] + column * right[2] + row * down[2]
            on_floor = dy < -1e-4
            distance = -eye[1] / dy if on_floor else 1e6
            if dz < -1e-6:
                back = (scene[0] - eye[2]) / dz
                if back < distance:
                    on_floor = False
                    distance = back
            x = eye[0] + dx * distance
            y = eye[1] + dy * distance
            z = eye[2] + dz * distance
            left = 1.0
            if on_floor:
                _albedo(floor, x, z, skin)
                gx = (x / reach * 0.5 + 0.5) * size - 0.5
                gz = (z / reach * 0.5 + 0.5) * size - 0.5
                if 0.0 <= gx < size - 1 and 0.0 <= gz < size - 1:
                    ix = int(gx)
                    iz = int(gz)
                    tx = gx - ix
                    tz = gz - iz
                    left = (shadow[iz, ix] * (1.0 - tx) + shadow[iz, ix + 1] * tx) * (1.0 - tz) + (
                        shadow[iz + 1, ix] * (1.0 - tx) + shadow[iz + 1, ix + 1] * tx
                    ) * tz
                ex = (x - lamp[0]) / scene[5]
                ez = (z - lamp[1]) / scene[5]
                if scene[1] == 0.0:
                    left *= 1.0 - scene[3] * smoothstep(0.3, 5.0, math.sqrt(ex * ex + ez * ez))
                    left *= 0.8 + 0.2 * smoothstep(0.0, 0.5 * scene[5], z - scene[0])
            else:
                _albedo(wall, x, y, skin)
                ex = (x - lamp[0]) / scene[5]
                ey = (y - 1.2 * scene[5]) / scene[5]
                if scene[1] == 0.0:
                    left = 1.0 - scene[3] * smoothstep(0.3, 5.0, math.sqrt(ex * ex + ey * ey))
                    left *= 0.82 + 0.18 * smoothstep(0.0, 0.6 * scene[5], y)
                    if y < scene[4]:
                        edge = 0.86 if y < scene[4] * 0.93 else 0.95
                        for ch in range(3):
                            skin[ch] = edge
            if scene[1] > 0.0:
                # seamless paper has no horizon: its light depends on the place in the frame
                ex = (column / width - 0.42) * 1.2
                ey = row / height - 0.45
                left *= 1.0 - scene[3] * smoothstep(0.1, 1.0, math.sqrt(ex * ex + ey * ey))
            for ch in range(3):
                picture[row, column, ch] = display(skin[ch] * left)
