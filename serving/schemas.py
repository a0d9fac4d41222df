"""The schemas of the OpenAPI description: what each answer consists of."""

from __future__ import annotations

from typing import Any

from feature_store.bundle.sound import STORED
from serving.problems import TITLES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def listed(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _maybe(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_BOX: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 4,
    "maxItems": 4,
    "description": "[x0, y0, x1, y1], normalised to the image, origin top left",
}
REGION_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{16}$"}


def _item_fields() -> Schema:
    return {
        "item_id": TEXT,
        "title": _maybe("string"),
        "url": _maybe("string"),
        "price": _maybe("number"),
        "currency": _maybe("string"),
        "brand": _maybe("string"),
        "category": _maybe("string"),
        "in_stock": _maybe("boolean"),
    }


def _image_url() -> Schema:
    return {
        "type": "string",
        "description": "absolute, or relative to the service (`/images/…`)",
    }


def schemas() -> Schema:
    """Return all schemas by their names."""
    score = {"type": "number", "minimum": 0, "maximum": 100}
    return {
        "Hit": _object({**_item_fields(), "image_url": _image_url(), "box": _BOX, "score": score}),
        "Similar": _object(
            {
                "query_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "item_id": TEXT,
                "region_id": REGION_ID,
                "bundle": TEXT,
                "fallback": _maybe("string"),
                "hits": listed(ref("Hit")),
            }
        ),
        "Region": _object(
            {
                "region_id": REGION_ID,
                "kind": {"enum": ["whole", "product"]},
                "box": _BOX,
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            }
        ),
        "Image": _object(
            {
                "image_id": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "image_url": _image_url(),
                "width_px": _COUNT,
                "height_px": _COUNT,
                "regions": listed(ref("Region")),
            }
        ),
        "Item": _object(
            {
                **_item_fields(),
                "segment": _maybe("string"),
                "attributes": {"type": "object", "additionalProperties": TEXT},
                "bundle": TEXT,
                "region_id": {**REGION_ID, "description": "asked about when no region is named"},
                "images": listed(ref("Image")),
            }
        ),
        "Widgets": _widgets(),
        "Bundle": _object(
            {**_bundle(), "canary": _or_null(ref("Canary")), "widget": ref("Widgets")}
        ),
        "Canary": _object({"share": _share(), **_bundle()}),
        "Tier": _tier(),
        "Ready": _ready(),
        "Health": _object({"status": {"const": "ok"}}),
        "Problem": _problem(),
    }


def _widgets() -> Schema:
    widget = _object(
        {
            "version": TEXT,
            "url": TEXT,
            "integrity": {"type": "string", "pattern": "^sha384-"},
            "bytes": _COUNT,
            "gzip_bytes": _COUNT,
        }
    )
    return _object({"current": TEXT, "versions": listed(widget)})


def _ready() -> Schema:
    refused = _object({"bundle": _maybe("string"), "reason": TEXT})
    tier_refused = _object(
        {"bundle": _maybe("string"), "tier": _maybe("string"), "reason": TEXT}, optional=("tier",)
    )
    return _object(
        {
            "ready": {"type": "boolean"},
            "bundle": TEXT,
            "tier": _maybe("string"),
            "canary": _or_null(_object({"bundle": TEXT, "share": _share()})),
            "refused": {
                **_or_null(refused),
                "description": "a newer bundle that cannot be served, and why",
            },
            "canary_refused": {
                **_or_null(refused),
                "description": "a canary that cannot be served, and why",
            },
            "tier_refused": {
                **_or_null(tier_refused),
                "description": "a fresh tier that cannot be served, and why",
            },
        }
    )


def _share() -> Schema:
    return {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 1,
        "description": "the canary's share of all questions, drawn by item; 0 as it comes and goes",
    }


def _tier() -> Schema:
    return _object(
        {
            "tier": TEXT,
            "at": {**TEXT, "description": "when it was last confirmed"},
            "age_seconds": _maybe("number"),
            "snapshot_version": _COUNT,
            "items": {**_COUNT, "description": "new ones, and those with a new row"},
            "regions": {**_COUNT, "description": "those that the bundle does not have"},
            "gone": {**_COUNT, "description": "items of the bundle that are no longer for sale"},
        }
    )


def _bundle() -> Schema:
    segment = _object(
        {
            "name": TEXT,
            "regions": _COUNT,
            "reduced_dim": _COUNT,
            "method": {"enum": ["onng", "anng", "exact"]},
            "epsilon": _NUMBER,
        }
    )
    return {
        "bundle": TEXT,
        "created_at": TEXT,
        "snapshot_version": _COUNT,
        "snapshot_content_hash": TEXT,
        "detector": TEXT,
        "extractor": TEXT,
        "parts": listed(_object({"extractor": TEXT, "weight": _NUMBER})),
        "dim": _COUNT,
        "stored": {"enum": [*STORED]},
        "segmented_by": _maybe("string"),
        "segments": listed(segment),
        "counts": _object({"items": _COUNT, "images": _COUNT, "regions": _COUNT}),
        "recall_at_10": _maybe("number"),
        "gate_passed": {"type": "boolean"},
        "filters": {**listed(TEXT), "description": "the names that a filter may use"},
        "tier": _or_null(ref("Tier")),
    }


def _problem() -> Schema:
    kinds = [f"urn:nitamono:problem:{kind}" for kind in TITLES]
    return _object(
        {
            "type": {"enum": kinds},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "parameter": {**TEXT, "description": "the parameter that cannot be used"},
            "allowed": {**TEXT, "description": "what it may be"},
        },
        optional=("parameter", "allowed"),
    )
