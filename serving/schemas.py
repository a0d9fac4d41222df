"""The schemas of the OpenAPI description: what each answer consists of."""

from __future__ import annotations

from typing import Any

from feature_store.bundle.sound import STORED
from serving.problems import TITLES

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object that has these members and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def listed(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """Return a schema that null fits, too."""
    return {"anyOf": [schema, {"type": "null"}]}


def _maybe(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
_BOX: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 4,
    "maxItems": 4,
    "description": "[x0, y0, x1, y1], normalised to the image, origin top left",
}
FOUND = ["neighbours", "graph", "scan", "fallback"]
"""What can have found an answer; `fallback` if all hits are stand-ins."""
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
    return {
        "Box": _BOX,
        "Hit": object_of(
            {
                **_item_fields(),
                "image_url": _image_url(),
                "box": ref("Box"),
                "score": {**PERCENT, "description": "0 for a stand-in"},
                "fallback": {
                    "enum": ["popular", "newest"],
                    "description": "there for a stand-in alone: why it was chosen",
                },
            },
            optional=("fallback",),
        ),
        "Similar": _similar(),
        "Region": object_of(
            {
                "region_id": REGION_ID,
                "kind": {"enum": ["whole", "product"]},
                "box": ref("Box"),
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            }
        ),
        "Image": object_of(
            {
                "image_id": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "image_url": _image_url(),
                "width_px": _COUNT,
                "height_px": _COUNT,
                "regions": listed(ref("Region")),
            }
        ),
        "Item": object_of(
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
        "Bundle": object_of(
            {
                **_bundle(),
                "capabilities": _capabilities(),
                "canary": or_null(ref("Canary")),
                "widget": ref("Widgets"),
            }
        ),
        "Canary": object_of({"share": _share(), **_bundle()}),
        "Tier": _tier(),
        "Ready": _ready(),
        "Health": object_of({"status": {"const": "ok"}}),
        "Problem": _problem(),
    }


def _similar() -> Schema:
    counts = object_of({"value": TEXT, "count": _COUNT})
    low_high = object_of({"low": _NUMBER, "high": _NUMBER})
    return object_of(
        {
            "query_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "item_id": {**_maybe("string"), "description": "null where no item was asked about"},
            "region_id": {
                **or_null(REGION_ID),
                "description": "the region that was asked about; null if it is none of the bundle",
            },
            "bundle": TEXT,
            "fallback": {
                "enum": [None, "unknown_item", "too_few_hits"],
                "description": "why there are stand-ins",
            },
            "answered_by": {"enum": FOUND},
            "facets": {
                "type": "object",
                "additionalProperties": {"anyOf": [listed(counts), low_high, {"type": "null"}]},
                "description": "there if it was asked for, and something is known of the item",
            },
            "hits": listed(ref("Hit")),
        },
        optional=("facets",),
    )


def _widgets() -> Schema:
    widget = object_of(
        {
            "version": TEXT,
            "url": TEXT,
            "integrity": {"type": "string", "pattern": "^sha384-"},
            "bytes": _COUNT,
            "gzip_bytes": _COUNT,
        }
    )
    return object_of({"current": TEXT, "versions": listed(widget)})


def _capabilities() -> Schema:
    boolean = {"type": "boolean"}
    return object_of(
        {"photo": boolean, "events": boolean, "fallback": {"enum": ["popular", "newest", None]}}
    )


def _ready() -> Schema:
    refused = object_of({"bundle": _maybe("string"), "reason": TEXT})
    tier_refused = object_of(
        {"bundle": _maybe("string"), "tier": _maybe("string"), "reason": TEXT}, optional=("tier",)
    )
    return object_of(
        {
            "ready": {"type": "boolean"},
            "bundle": TEXT,
            "tier": _maybe("string"),
            "canary": or_null(object_of({"bundle": TEXT, "share": _share()})),
            "refused": {
                **or_null(refused),
                "description": "a newer bundle that cannot be served, and why",
            },
            "canary_refused": {
                **or_null(refused),
                "description": "a canary that cannot be served, and why",
            },
            "tier_refused": {
                **or_null(tier_refused),
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
    return object_of(
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
    segment = object_of(
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
        "parts": listed(object_of({"extractor": TEXT, "weight": _NUMBER})),
        "dim": _COUNT,
        "stored": {"enum": [*STORED]},
        "segmented_by": _maybe("string"),
        "segments": listed(segment),
        "counts": object_of({"items": _COUNT, "images": _COUNT, "regions": _COUNT}),
        "recall_at_10": _maybe("number"),
        "gate_passed": {"type": "boolean"},
        "filters": {**listed(TEXT), "description": "the names that a filter may use"},
        "tier": or_null(ref("Tier")),
    }


def _problem() -> Schema:
    kinds = [f"urn:nitamono:problem:{kind}" for kind in TITLES]
    return object_of(
        {
            "type": {"enum": kinds},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "parameter": {**TEXT, "description": "the parameter that cannot be used"},
            "allowed": {**TEXT, "description": "what it may be"},
            "retry_after_seconds": {**_COUNT, "description": "when to ask again"},
        },
        optional=("parameter", "allowed", "retry_after_seconds"),
    )
