"""Which triangle each sample of the picture sees, and where light is kept from falling."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from feature_store.demo.jit import kernel

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]


@kernel
def rasterise(x: F32, y: F32, near: F32, triangles: I32, nearest: F32, seen: I32) -> None:
    """Draw triangles (m, 3) into the buffers `nearest` and `seen` (h, w), nearest wins.

    `x`, `y` are sample coordinates of the vertices, `near` is larger the nearer and must be
    linear on the screen (1/depth). `seen` gets the triangle's number.
    """
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a = triangles[t, 0]
        b = triangles[t, 1]
        c = triangles[t, 2]
        xa = x[a]
        ya = y[a]
        xb = x[b]
        yb = y[b]
        xc = x[c]
        yc = y[c]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-7:
            continue
        left = max(0, math.ceil(min(xa, xb, xc) - 0.5))
        right = min(width - 1, math.floor(max(xa, xb, xc) - 0.5))
        top = max(0, math.ceil(min(ya, yb, yc) - 0.5))
        bottom = min(height - 1, math.floor(max(ya, yb, yc) - 0.5))
        scale = 1.0 / area
        b_step = (yc - ya) * scale
        c_step = -(yb - ya) * scale
        depth = near[a]
        b_rise = near[b] - depth
        c_rise = near[c] - depth
        for row in range(top, bottom + 1):
            sx = left + 0.5 - xa
            sy = row + 0.5 - ya
            wb = sx * b_step - (xc - xa) * sy * scale
            wc = (xb - xa) * sy * scale + sx * c_step
            for column in range(left, right + 1):
                if wb >= 0.0 and wc >= 0.0 and wb + wc <= 1.0:
                    here = depth + wb * b_rise + wc * c_rise
                    if here > nearest[row, column]:
                        nearest[row, column] = here
                        seen[row, column] = t
                wb += b_step
                wc += c_step


@kernel
def cover(
    x: F32, y: F32, triangles: I32, weight: float, mark: I32, number: int, total: F32
) -> None:
    """Add `weight` to each cell of `total` (h, w) that some triangle covers, once per `number`."""
    height, width = total.shape
    for t in range(triangles.shape[0]):
        xa = x[triangles[t, 0]]
        ya = y[triangles[t, 0]]
        xb = x[triangles[t, 1]]
        yb = y[triangles[t, 1]]
        xc = x[triangles[t, 2]]
        yc = y[triangles[t, 2]]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-7:
            continue
        left = max(0, math.ceil(min(xa, xb, xc) - 0.5))
        right = min(width - 1, math.floor(max(xa, xb, xc) - 0.5))
        top = max(0, math.ceil(min(ya, yb, yc) - 0.5))
        bottom = min(height - 1, math.floor(max(ya, yb, yc) - 0.5))
        scale = 1.0 / area
        for row in range(top, bottom + 1):
            sy = row + 0.5
            for column in range(left, right + 1):
                if mark[row, column] == number:
                    continue
                sx = column + 0.5
                wb = ((sx - xa) * (yc - ya) - (xc - xa) * (sy - ya)) * scale
                wc = ((xb - xa) * (sy - ya) - (sx - xa) * (yb - ya)) * scale
                if wb >= 0.0 and wc >= 0.0 and wb + wc <= 1.0:
                    mark[row, column] = number
                    total[row, column] += weight


@kernel
def openness(near: F32, radius: float, falloff: float) -> F32:
    """How open each pixel's surface is to the sky (1 open, 0 enclosed), from depths alone.

    `near` (h, w) holds 1/depth, 0 for nothing; `radius` in pixels; `falloff` is the depth
    difference, in the scene's units, beyond which another surface no longer matters.
    """
    height, width = near.shape
    result = np.ones((height, width), np.float32)
    steps = np.zeros((8, 8, 2), np.int32)
    for turn in range(8):
        for k in range(8):
            angle = (turn / 8.0 + k) * 0.785398
            reach = radius * (0.35 + 0.65 * ((k * 5) % 8) / 7.0)
            steps[turn, k, 0] = round(math.cos(angle) * reach)
            steps[turn, k, 1] = round(math.sin(angle) * reach)
    for row in range(height):
        for column in range(width):
            here = near[row, column]
            if here <= 0.0:
                continue
            depth = 1.0 / here
            shut = 0.0
            turn = (row * 7 + column * 13) % 8
            for k in range(8):
                dx = steps[turn, k, 0]
                dy = steps[turn, k, 1]
                r1 = row + dy
                c1 = column + dx
                r2 = row - dy
                c2 = column - dx
                if r1 < 0 or r1 >= height or c1 < 0 or c1 >= width:
                    continue
                if r2 < 0 or r2 >= height or c2 < 0 or c2 >= width:
                    continue
                one = near[r1, c1]
                two = near[r2, c2]
                # a slope hides as much on one side as it shows on the other: only hollows count
                rise1 = depth - 1.0 / one if one > 0.0 else -falloff
                rise2 = depth - 1.0 / two if two > 0.0 else -falloff
                rise1 = 0.0 if rise1 > 3.0 * falloff else rise1
                rise2 = 0.0 if rise2 > 3.0 * falloff else rise2
                hollow = (rise1 + rise2) / (2.0 * falloff)
                shut += min(1.0, max(0.0, hollow))
            result[row, column] = 1.0 - min(1.0, shut / 8.0 * 1.6)
    return result


@kernel
def boxes(seen: I32, thing_of: I32, count: int) -> I32:
    """The tight box (left, top, right, bottom; right and bottom exclusive) of each thing.

    `seen` (h, w) holds triangle numbers, -1 for none; the boxes (count, 4) are in samples and
    all zero for a thing that is not seen.
    """
    found = np.zeros((count, 4), np.int32)
    height, width = seen.shape
    for row in range(height):
        for column in range(width):
            t = seen[row, column]
            if t < 0:
                continue
            k = thing_of[t]
            if found[k, 2] == 0:
                found[k, 0] = column
                found[k, 1] = row
                found[k, 2] = column + 1
                found[k, 3] = row + 1
            found[k, 0] = min(found[k, 0], column)
            found[k, 2] = max(found[k, 2], column + 1)
            found[k, 3] = row + 1
    return found


@kernel
def _blur_rows(picture: F32, radius: int) -> F32:
    """A box blur along the rows, transposed, so that two calls blur both ways."""
    height, width = picture.shape
    out = np.empty((width, height), np.float32)
    share = 1.0 / (2 * radius + 1)
    for row in range(height):
        run = picture[row, 0] * float(radius)
        for column in range(radius):
            run += picture[row, min(column, width - 1)]
        for column in range(width):
            run += picture[row, min(column + radius, width - 1)]
            out[column, row] = run * share
            run -= picture[row, max(column - radius, 0)]
    return out


def blurred(picture: F32, radius: int) -> F32:
    """Two box blurs of (2·radius + 1) cells each way: nearly a Gaussian; edges are extended."""
    for _ in range(4):
        picture = _blur_rows(picture, radius)
    return picture
