"""What the service says of the bundle and the tier that it answers from."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from feature_store.bundle.format import GATE, Segment
from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import Tier, TierPointer


def bundle_summary(bundle: Bundle) -> dict[str, Any]:
    """Return what `/v1/bundle` says of a bundle."""
    manifest = bundle.manifest
    gate = json.loads((bundle.folder / GATE).read_text())
    counts = manifest.counts
    return {
        "bundle": manifest.bundle_id,
        "created_at": manifest.created_at,
        "snapshot_version": manifest.snapshot_version,
        "snapshot_content_hash": manifest.snapshot_content_hash,
        "detector": manifest.detector,
        "extractor": manifest.extractor,
        "parts": [{"extractor": part.extractor, "weight": part.weight} for part in manifest.parts],
        "dim": manifest.dim,
        "stored": manifest.stored,
        "segmented_by": manifest.segmented_by or None,
        "segments": [_segment(segment) for segment in manifest.segments],
        "counts": {"items": counts.items, "images": counts.images, "regions": counts.regions},
        "recall_at_10": _recall(manifest.measurements.get("gate", {})),
        "gate_passed": gate["passed"],
        "filters": list(bundle.facets.attributes),
    }


def tier_summary(tier: Tier, pointer: TierPointer) -> dict[str, Any]:
    """Return what `/v1/bundle` says of a tier and of what named it."""
    manifest = tier.manifest
    return {
        "tier": manifest.tier_id,
        "at": pointer.at,
        "age_seconds": age_seconds(pointer.at),
        "snapshot_version": pointer.snapshot_version,
        "items": manifest.items,
        "regions": manifest.regions,
        "gone": manifest.gone,
    }


def age_seconds(at: str) -> float | None:
    """Return how long ago a time was, UTC in ISO 8601; None if it is none."""
    try:
        then = dt.datetime.fromisoformat(at)
        return max(0.0, round((dt.datetime.now(dt.UTC) - then).total_seconds(), 1))
    except (ValueError, TypeError):  # no time, or one without a zone
        return None


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "regions": segment.regions,
        "reduced_dim": segment.reduced_dim,
        "method": segment.search.method,
        "epsilon": segment.search.epsilon,
    }


def _recall(gate: Mapping[str, Any]) -> float | None:
    """What the gate measured over all; a bundle of 0.1.0 has it at another place."""
    overall = gate.get("overall", gate)
    told = overall.get("metrics", overall).get("recall_at_10")
    found = told["value"] if isinstance(told, Mapping) else told
    return None if found is None else float(found)
