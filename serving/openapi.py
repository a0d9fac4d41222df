"""The description of the HTTP door, OpenAPI 3.1; a test holds real answers to it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from serving.parameters import DEFAULT_LIMIT, FILTER_FORMS, MAX_FILTERS, MAX_LIMIT
from serving.problems import MEDIA_TYPE, TITLES

_Schema = dict[str, Any]


def openapi_document() -> _Schema:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nitamono lookup service",
            "version": version("nitamono"),
            "description": 'Answers "more like this, please" for a shop.',
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }


def _ref(name: str) -> _Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: _Schema, optional: tuple[str, ...] = ()) -> _Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _maybe(kind: str) -> _Schema:
    return {"type": [kind, "null"]}


_TEXT: _Schema = {"type": "string"}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_NUMBER: _Schema = {"type": "number"}
_BOX: _Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 4,
    "maxItems": 4,
    "description": "[x0, y0, x1, y1], normalised to the image, origin top left",
}
_REGION_ID: _Schema = {"type": "string", "pattern": "^[0-9a-f]{16}$"}


def _item_fields() -> _Schema:
    return {
        "item_id": _TEXT,
        "title": _maybe("string"),
        "url": _maybe("string"),
        "price": _maybe("number"),
        "currency": _maybe("string"),
        "brand": _maybe("string"),
        "category": _maybe("string"),
        "in_stock": _maybe("boolean"),
    }


def _image_url() -> _Schema:
    return {
        "type": "string",
        "description": "absolute, or relative to the service (`/images/…`)",
    }


def _schemas() -> _Schema:
    score = {"type": "number", "minimum": 0, "maximum": 100}
    return {
        "Hit": _object({**_item_fields(), "image_url": _image_url(), "box": _BOX, "score": score}),
        "Similar": _object(
            {
                "query_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "item_id": _TEXT,
                "region_id": _REGION_ID,
                "bundle": _TEXT,
                "fallback": _maybe("string"),
                "hits": _list(_ref("Hit")),
            }
        ),
        "Region": _object(
            {
                "region_id": _REGION_ID,
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
                "regions": _list(_ref("Region")),
            }
        ),
        "Item": _object(
            {
                **_item_fields(),
                "segment": _maybe("string"),
                "attributes": {"type": "object", "additionalProperties": _TEXT},
                "bundle": _TEXT,
                "region_id": {**_REGION_ID, "description": "asked about when no region is named"},
                "images": _list(_ref("Image")),
            }
        ),
        "Widgets": _widgets(),
        "Bundle": _bundle(),
        "Ready": _object(
            {
                "ready": {"type": "boolean"},
                "bundle": _TEXT,
                "refused": {
                    "type": ["object", "null"],
                    "properties": {"bundle": _maybe("string"), "reason": _TEXT},
                    "description": "a newer bundle that cannot be served, and why",
                },
            }
        ),
        "Health": _object({"status": {"const": "ok"}}),
        "Problem": _problem(),
    }


def _widgets() -> _Schema:
    widget = _object(
        {
            "version": _TEXT,
            "url": _TEXT,
            "integrity": {"type": "string", "pattern": "^sha384-"},
            "bytes": _COUNT,
            "gzip_bytes": _COUNT,
        }
    )
    return _object({"current": _TEXT, "versions": _list(widget)})


def _bundle() -> _Schema:
    return _object(
        {
            "bundle": _TEXT,
            "created_at": _TEXT,
            "snapshot_version": _COUNT,
            "snapshot_content_hash": _TEXT,
            "detector": _TEXT,
            "extractor": _TEXT,
            "dim": _COUNT,
            "reduced_dim": _COUNT,
            "counts": _object({"items": _COUNT, "images": _COUNT, "regions": _COUNT}),
            "recall_at_10": _maybe("number"),
            "search": _object({"method": {"enum": ["onng", "anng", "exact"]}, "epsilon": _NUMBER}),
            "gate_passed": {"type": "boolean"},
            "filters": {**_list(_TEXT), "description": "the names that a filter may use"},
            "widget": _ref("Widgets"),
        }
    )


def _problem() -> _Schema:
    kinds = [f"urn:nitamono:problem:{kind}" for kind in TITLES]
    return _object(
        {
            "type": {"enum": kinds},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "parameter": {**_TEXT, "description": "the parameter that cannot be used"},
            "allowed": {**_TEXT, "description": "what it may be"},
        },
        optional=("parameter", "allowed"),
    )


def _parameter(name: str, where: str, schema: _Schema, sentence: str, **more: Any) -> _Schema:
    required = where == "path"
    return {
        "name": name,
        "in": where,
        "required": required,
        "schema": schema,
        "description": sentence,
        **more,
    }


def _get(summary: str, answers: _Schema, parameters: list[_Schema] | None = None) -> _Schema:
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": answers}}


def _answers(schema: str, *errors: int) -> _Schema:
    found: _Schema = {
        "200": {
            "description": "the answer",
            "content": {"application/json": {"schema": _ref(schema)}},
        }
    }
    for status in errors:
        found[str(status)] = {
            "description": "a problem",
            "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
        }
    return found


def _file(media_type: str) -> _Schema:
    return {"200": {"description": "the file", "content": {media_type: {}}}}


def _paths() -> _Schema:
    item = _parameter(
        "item_id", "path", _TEXT, "percent-encoded, its slashes too; any id of the catalogue"
    )
    similar = [
        item,
        _parameter(
            "limit",
            "query",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "how many hits at most",
        ),
        _parameter(
            "threshold",
            "query",
            {"type": "number", "minimum": 0, "maximum": 100, "default": 0},
            "the least score of a hit",
        ),
        _parameter(
            "region", "query", _REGION_ID, "the region of the item to ask about; else its main one"
        ),
        _parameter(
            "filter",
            "query",
            {**_list(_TEXT), "maxItems": MAX_FILTERS},
            f"repeated: all must hold. {FILTER_FORMS}",
            explode=True,
        ),
    ]
    return {
        "/v1/items/{item_id}/similar": _get(
            "Look-alikes of an item", _answers("Similar", 400, 404), similar
        ),
        "/v1/items/{item_id}": _get("An item and its regions", _answers("Item", 400, 404), [item]),
        "/v1/bundle": _get("What is being served", _answers("Bundle")),
        "/healthz": _get("Whether the worker lives", _answers("Health")),
        "/readyz": _get("Whether items can be asked for", _answers("Ready")),
        "/metrics": _get("Prometheus metrics", _file("text/plain")),
        "/widget/": _get("The widget's versions and digests", _answers("Widgets")),
        "/widget/{version}/similar-items.js": _get(
            "The widget", _file("text/javascript"), [_parameter("version", "path", _TEXT, "")]
        ),
        "/images/{image_id}.jpg": _get(
            "A photo", _file("image/jpeg"), [_parameter("image_id", "path", _TEXT, "64 hex digits")]
        ),
    }
