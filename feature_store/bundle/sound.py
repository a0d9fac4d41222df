"""Whether a manifest makes sense by itself: it decides which files are read, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feature_store.bundle.format import Manifest

STORED = ("float32", "float16", "int8")
"""What `vectors.npy` may hold; int8 with a scale for each vector in `scales.npy`."""

METHODS = ("onng", "anng", "exact")

_FOLDER = re.compile(r"segments/\d{3,6}")
_KINDS: dict[Any, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "Mapping[str, Any]": (dict,),
}


def contradiction(manifest: Manifest) -> str:
    """Return where a manifest contradicts itself, or nothing."""
    return next(_contradictions(manifest), "")


def _contradictions(manifest: Manifest) -> Iterator[str]:
    parts, segments, counts = manifest.parts, manifest.segments, manifest.counts
    searches = [segment.search for segment in segments]
    for told in (manifest, counts, *parts, *segments, *searches):
        yield from _mistyped(told)
    folders = [segment.folder for segment in segments]
    whole = len(segments) == 1 and folders == [""]
    refused = {
        f"vectors cannot be stored as {manifest.stored!r}": manifest.stored not in STORED,
        "it has no segment, or an empty one": not all(s.regions for s in segments) or not segments,
        "two segments share a name or a folder": len(set(folders)) < len(segments)
        or len({segment.name for segment in segments}) < len(segments),
        "a segment's folder is no segment's": not whole
        and not all(_FOLDER.fullmatch(folder) for folder in folders),
        "the segments do not hold its regions": sum(s.regions for s in segments) != counts.regions,
        "the parts are not as long as its vectors": sum(p.dim for p in parts) != manifest.dim,
        "the parts' weights are not above 0 and 1 in all": any(p.weight <= 0 for p in parts)
        or abs(sum(p.weight for p in parts) - 1) > 1e-6,
        "a segment cannot be searched in that way": any(
            search.method not in METHODS or search.candidates < 0 or search.edges < 0
            for search in searches
        ),
    }
    yield from (what for what, refuse in refused.items() if refuse)


def _mistyped(told: Any) -> Iterator[str]:
    """Yield what is no text, no number of 64 bits or no table where it should be one."""
    for entry in fields(told):
        value, kinds = getattr(told, entry.name), _KINDS.get(entry.type)
        if kinds is None:
            continue
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        if fits and isinstance(value, int | float):
            fits = math.isfinite(value) and abs(value) < 2**63
        if not fits:
            yield f"{entry.name} is {value!r:.80}"
