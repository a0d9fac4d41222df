"""Wilson's interval: what a share that was seen in a sample says of the whole."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(share: float, count: float, confidence: float) -> tuple[float, float]:
    """Return the score interval (E. B. Wilson 1927) of a share (0..1) seen in `count` trials.

    (0, 1) without trials.
    """
    if not count:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    scale = 1 + z * z / count
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
