"""The description of the HTTP door, OpenAPI 3.1; tests hold real answers to it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from serving.events import MEDIA_TYPES as EVENT_TYPES
from serving.parameters import (
    AT_MOST_FORMS,
    DEFAULT_LIMIT,
    FACET_FORMS,
    FILTER_FORMS,
    MAX_AT_MOST,
    MAX_FILTERS,
    MAX_LIMIT,
    MAX_OFFSET,
)
from serving.photos import PHOTO_TYPES
from serving.problems import MEDIA_TYPE
from serving.schemas import PERCENT, REGION_ID, TEXT, Schema, listed, ref, schemas
from serving.sent import FILTER, sent_schemas

_ANY_TIME = (400, 429)
"""Problems of every question: a parameter that cannot be used, and haste."""
_OF_A_BODY = (408, 413, 415)
_MEANINGS = {
    304: "the client has this answer already",
    400: "a parameter, the body or the request itself cannot be used",
    404: "there is no such thing, or the service does not offer it",
    405: "this method is not allowed here",
    408: "the request did not arrive in time",
    413: "the body is too long",
    415: "the body is of a kind that is not read",
    422: "the body is of the right kind, and broken",
    429: "this client asks more often than it may",
    503: "the service is busy",
}


def openapi_document() -> Schema:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nitamono lookup service",
            "version": version("nitamono"),
            "description": (
                'Answers "more like this, please" for a shop. Every answer that is an error is a '
                "problem (RFC 9457), on every path: 431 and 400 for what is hardly HTTP, 500 for a "
                "failure, which the service's log explains."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**_questions(), **_states(), **_files()},
        "components": {"schemas": {**schemas(), **sent_schemas()}},
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
    """GET, and HEAD, which is answered alike but for the body."""
    described = {"parameters": parameters or [], "responses": answers}
    headed = {status: {"description": each["description"]} for status, each in answers.items()}
    return {
        "get": {"summary": summary, **described},
        "head": {"summary": f"{summary}: the headers alone", **described, "responses": headed},
    }


def _post(
    summary: str, answers: Schema, media: dict[str, Schema], parameters: list[Schema] | None = None
) -> Schema:
    body = {"required": True, "content": media}
    described = {"parameters": parameters or [], "requestBody": body, "responses": answers}
    return {"post": {"summary": summary, **described}}


def _answers(schema: str, *others: int, status: int = 200) -> Schema:
    found: Schema = {
        str(status): {
            "description": "the answer",
            "content": {"application/json": {"schema": ref(schema)}},
        }
    }
    return found | {str(other): _other(other) for other in others}


def _other(status: int) -> Schema:
    told: Schema = {"description": _MEANINGS[status]}
    if status >= 400:
        told["content"] = {MEDIA_TYPE: {"schema": ref("Problem")}}
    if status in (429, 503):
        told["headers"] = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
    return told


def _file(media_type: str, *others: int) -> Schema:
    found: Schema = {"200": {"description": "the file", "content": {media_type: {}}}}
    return found | {str(other): _other(other) for other in others}


def _rules() -> list[Schema]:
    """Return the parameters that say how hits are picked."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    offset = {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0}
    filters = {**listed(FILTER), "maxItems": MAX_FILTERS}
    at_most = {**listed(ref("AtMost")), "maxItems": MAX_AT_MOST}
    told = [
        ("limit", limit, "how many hits at most"),
        ("offset", offset, "how many hits are skipped; pages of one limit join up"),
        ("threshold", {**PERCENT, "default": 0}, "the least score of a hit"),
        ("filter", filters, f"repeated: all must hold. {FILTER_FORMS}"),
        ("at_most", at_most, f"repeated: no more hits of one value than this. {AT_MOST_FORMS}"),
        ("collapse", PERCENT, "of hits that are more alike than this, the best alone stays"),
        (
            "fallback",
            {"type": "boolean", "default": False},
            "whether popular or new items stand in for look-alikes that there are not",
        ),
    ]
    return [
        _parameter(
            name, "query", schema, sentence, **({"explode": True} if "items" in schema else {})
        )
        for name, schema, sentence in told
    ]


def _questions() -> Schema:
    item = _parameter(
        "item_id", "path", TEXT, "percent-encoded, its slashes too; any id of the catalogue"
    )
    facets = _parameter(
        "facets",
        "query",
        TEXT,
        f"attributes whose values among the nearest 100 hits are counted: {FACET_FORMS}",
    )
    region = _parameter(
        "region", "query", REGION_ID, "the region of the item to ask about; else its main one"
    )
    photos = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PHOTO_TYPES}
    batch = {"application/json": {"schema": ref("Batch")}}
    events = {kind: {"schema": ref("Events")} for kind in EVENT_TYPES}
    return {
        "/v1/items/{item_id}/similar": _get(
            "Look-alikes of an item",
            _answers("Similar", 304, 404, *_ANY_TIME),
            [item, region, *_rules(), facets],
        ),
        "/v1/search": _post(
            "Look-alikes of several things",
            _answers("Answers", *_ANY_TIME, *_OF_A_BODY, 503),
            batch,
        ),
        "/v1/search/image": _post(
            "Look-alikes of the products in a photo",
            _answers("Photo", 404, *_ANY_TIME, *_OF_A_BODY, 422, 503),
            photos,
            _rules(),
        ),
        "/v1/events": _post(
            "What shoppers saw, clicked and bought",
            _answers("Accepted", 404, *_ANY_TIME, *_OF_A_BODY, 503, status=202),
            events,
        ),
        "/v1/items/{item_id}": _get(
            "An item and its regions", _answers("Item", 304, 404, *_ANY_TIME), [item]
        ),
        "/v1/bundle": _get("What is being served", _answers("Bundle", 429)),
    }


def _states() -> Schema:
    return {
        "/healthz": _get("Whether the worker lives", _answers("Health")),
        "/readyz": _get("Whether items can be asked for", _answers("Ready")),
        "/metrics": _get("Prometheus metrics", _file("text/plain")),
        "/openapi.json": _get(
            "This description",
            {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}},
        ),
    }


def _files() -> Schema:
    name = _parameter("version", "path", TEXT, "one of those that `/widget/` lists")
    image = _parameter("image_id", "path", TEXT, "64 hexadecimal digits")
    return {
        "/widget/": _get("The widget's versions and digests", _answers("Widgets")),
        "/widget/{version}/similar-items.js": _get(
            "The widget", _file("text/javascript", 304, 404), [name]
        ),
        "/images/{image_id}.jpg": _get("A photo", _file("image/jpeg", 304, 404), [image]),
    }
