"""The schemas of the OpenAPI description that are sent to the service, and their answers."""

from __future__ import annotations

from feature_store.schemas import EVENT_TYPES
from serving.batches import MAX_ITEMS, MAX_NUMBERS, MAX_QUERIES
from serving.events import (
    BUNDLE,
    MAX_EVENTS,
    MAX_ID_CHARACTERS,
    MAX_POSITION,
    QUERY_ID,
    SESSION,
)
from serving.parameters import DEFAULT_LIMIT, MAX_AT_MOST, MAX_FILTERS, MAX_LIMIT, MAX_OFFSET
from serving.schemas import FOUND, PERCENT, REGION_ID, TEXT, Schema, listed, object_of, or_null, ref

FILTER: Schema = {"type": "string", "pattern": "^[^:]*[^:\\s][^:]*:.*[^\\s,].*$"}
_ITEM_IDS: Schema = {**listed(TEXT), "maxItems": MAX_ITEMS}


def sent_schemas() -> Schema:
    """Return all these schemas by their names."""
    return {
        "AtMost": {
            "type": "string",
            "pattern": "^.*[^\\s:].*:[0-9]{0,5}[1-9]$",
            "description": "an attribute and how many hits may share a value of it",
        },
        "Batch": object_of(
            {"queries": {**listed(ref("Query")), "minItems": 1, "maxItems": MAX_QUERIES}}
        ),
        "Query": _query(),
        "Answers": object_of(
            {"bundle": TEXT, "answers": listed({"anyOf": [ref("Similar"), ref("NoAnswer")]})}
        ),
        "NoAnswer": object_of({"problem": ref("Problem")}),
        "Events": object_of(
            {"events": {**listed(ref("Event")), "minItems": 1, "maxItems": MAX_EVENTS}}
        ),
        "Event": _event(),
        "Accepted": object_of({"accepted": {"type": "integer", "minimum": 1}}),
        "Photo": _photo(),
    }


def _query() -> Schema:
    asked: Schema = {
        "item_id": or_null({**TEXT, "description": "its look-alikes"}),
        "region_id": or_null({**REGION_ID, "description": "of the item, or alone"}),
        "vector": or_null(
            {
                "type": "array",
                "items": {"type": "number"},
                "minItems": 1,
                "maxItems": MAX_NUMBERS,
                "description": "a feature of the bundle's extractor: as many numbers as its dim",
            }
        ),
        "positive": or_null({**_ITEM_IDS, "minItems": 1, "description": "items that are liked"}),
        "negative": or_null({**_ITEM_IDS, "description": "items that are not; beside positive"}),
    }
    terms: Schema = {
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        "offset": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
        "threshold": {**PERCENT, "default": 0},
        "filters": {**listed(FILTER), "maxItems": MAX_FILTERS},
        "at_most": {**listed(ref("AtMost")), "maxItems": MAX_AT_MOST},
        "collapse": PERCENT,
        "fallback": {"type": "boolean", "default": False},
    }
    members = asked | {name: or_null(schema) for name, schema in terms.items()}
    described = object_of(members, optional=tuple(members))
    described["description"] = (
        "One of item_id (with region_id or without), region_id, vector, and positive (with "
        "negative or without). null is as if the member were not there."
    )
    # What cannot be answered is a problem among the answers, and never one of the whole batch.
    return {"anyOf": [described, {"description": "anything else is answered by a problem"}]}


def _event() -> Schema:
    item_id: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS}
    return object_of(
        {
            "type": {"enum": list(EVENT_TYPES)},
            "query_id": {"type": "string", "pattern": f"^{QUERY_ID}$"},
            "item_id": or_null({**item_id, "description": "the item that was asked about"}),
            "position": {"type": "integer", "minimum": 1, "maximum": MAX_POSITION},
            "hit_item_id": item_id,
            "bundle": {"type": "string", "pattern": f"^{BUNDLE}$"},
            "session": or_null({"type": "string", "pattern": f"^{SESSION}$"}),
        },
        optional=("item_id", "session"),
    )


def _photo() -> Schema:
    region = object_of(
        {
            "kind": {"enum": ["whole", "product"]},
            "box": ref("Box"),
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "answered_by": {"enum": FOUND},
            "hits": listed(ref("Hit")),
        }
    )
    return object_of(
        {
            "query_id": {"type": "string", "pattern": f"^{QUERY_ID}$"},
            "bundle": TEXT,
            "width_px": {"type": "integer", "minimum": 1},
            "height_px": {"type": "integer", "minimum": 1},
            "regions": {
                **listed(region),
                "description": "the most prominent product first, the whole photo last",
            },
        }
    )
