"""The description of the HTTP door, OpenAPI 3.1; a test holds real answers to it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from serving.parameters import DEFAULT_LIMIT, FILTER_FORMS, MAX_FILTERS, MAX_LIMIT
from serving.problems import MEDIA_TYPE
from serving.schemas import REGION_ID, TEXT, Schema, listed, ref, schemas


def openapi_document() -> Schema:
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
        "components": {"schemas": schemas()},
    }


def _parameter(name: str, where: str, schema: Schema, sentence: str, **more: Any) -> Schema:
    required = where == "path"
    return {
        "name": name,
        "in": where,
        "required": required,
        "schema": schema,
        "description": sentence,
        **more,
    }


def _get(summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    return {"get": {"summary": summary, "parameters": parameters or [], "responses": answers}}


def _answers(schema: str, *errors: int) -> Schema:
    found: Schema = {
        "200": {
            "description": "the answer",
            "content": {"application/json": {"schema": ref(schema)}},
        }
    }
    for status in errors:
        found[str(status)] = {
            "description": "a problem",
            "content": {MEDIA_TYPE: {"schema": ref("Problem")}},
        }
    return found


def _file(media_type: str) -> Schema:
    return {"200": {"description": "the file", "content": {media_type: {}}}}


def _paths() -> Schema:
    item = _parameter(
        "item_id", "path", TEXT, "percent-encoded, its slashes too; any id of the catalogue"
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
            "region", "query", REGION_ID, "the region of the item to ask about; else its main one"
        ),
        _parameter(
            "filter",
            "query",
            {**listed(TEXT), "maxItems": MAX_FILTERS},
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
            "The widget", _file("text/javascript"), [_parameter("version", "path", TEXT, "")]
        ),
        "/images/{image_id}.jpg": _get(
            "A photo", _file("image/jpeg"), [_parameter("image_id", "path", TEXT, "64 hex digits")]
        ),
    }
