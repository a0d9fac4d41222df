"""Scores, worked out as their definition says, one by one."""

from __future__ import annotations

import numpy as np

from feature_store.bundle import Bundle


def background(bundle: Bundle, query: np.ndarray) -> float:
    """The cosine that scores 0 for a centred query."""
    sample = bundle.background.sample
    if len(sample) < 100:
        return 0.0
    cosines = [float(vector.astype(float) @ query.astype(float)) for vector in sample]
    chance = [cosine for cosine in cosines if cosine <= 0.99]
    return float(np.clip(np.mean(chance) + 2.33 * np.std(chance), 0, 0.7))


def score(cosine: float, zero: float) -> float:
    """The score of a cosine, where `zero` scores 0."""
    return round(100 * min(1.0, max(0.0, (float(cosine) - zero) / (1 - zero))), 2)
