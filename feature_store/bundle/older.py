"""Manifests of earlier releases, in the shape of today's."""

from __future__ import annotations

from typing import Any

READ = (1,)
"""The versions of the format before today's that are still read."""


def renewed(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a manifest of version 1 in the shape of version 2.

    KeyError and TypeError where it is damaged. A bundle of version 1 has one extractor and one
    segment, whose files lie beside all others, and stores its vectors as float32.
    """
    counts = raw["counts"]
    segment = {
        "name": "",
        "folder": "",
        "regions": counts["regions"],
        "vectors": counts["vectors"],
        "reduced_dim": raw["reduced_dim"],
        "search": raw["search"],
    }
    return {
        **raw,
        "features_hash": "",
        "parts": [{"extractor": raw["extractor"], "dim": raw["dim"], "weight": 1.0}],
        "segmented_by": "",
        "segments": [segment],
        "stored": "float32",
    }
