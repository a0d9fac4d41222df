"""JSON put together from pieces: whatever is in a catalogue, it is JSON, and says the same."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_store.bundle.hits import Hit
from serving.pieces import (
    ITEM_FIELDS,
    Both,
    Pieces,
    encode,
    encode_text,
    hit_pieces,
    item_pieces,
    plain,
    region_pieces,
)

texts = st.text(max_size=20) | st.sampled_from(
    ['"', "\\", "\r\nSet-Cookie: a=b", "\x00\x1f\x7f", "\u2028\u2029", "</script>", "🧦", "\ufffe"]
)
items = st.fixed_dictionaries(
    {
        "item_id": texts,
        **dict.fromkeys(("title", "url", "currency", "brand", "category"), st.none() | texts),
        "price": st.none() | st.floats(),
        "in_stock": st.none() | st.booleans(),
    }
)
ITEMS = pa.schema(
    [
        (name, {"price": pa.float64(), "in_stock": pa.bool_()}.get(name, pa.string()))
        for name in ITEM_FIELDS
    ]
)
COORDINATES = ("x0", "y0", "x1", "y1")
REGIONS = pa.schema([("image_url", pa.string()), *((name, pa.float32()) for name in COORDINATES)])
scores = st.integers(0, 10_000).map(lambda hundredfold: hundredfold / 100)


def tables(rows: list[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    regions = [{"image_url": row["item_id"], **dict.fromkeys(COORDINATES, 0.25)} for row in rows]
    return pa.Table.from_pylist(rows, ITEMS), pa.Table.from_pylist(regions, REGIONS)


@settings(deadline=None)
@given(st.lists(items, min_size=2, max_size=5), st.lists(scores, min_size=5, max_size=5))
def test_hits_say_what_the_catalogue_says(rows: list[dict[str, Any]], scores: list[float]) -> None:
    table, regions = tables(rows)
    hits = [Hit(n, n, score) for n, score in zip(range(len(rows)), scores, strict=False)]
    # A bundle alone, and one whose last items are its tier's.
    for split in (len(rows), 1):
        of_items = [Pieces(item_pieces(part)) for part in (table[:split], table[split:])]
        of_regions = [Pieces(region_pieces(part)) for part in (regions[:split], regions[split:])]
        pieces = hit_pieces(Both(*of_items), Both(*of_regions), hits)
        read = json.loads(b"[%b]" % b"".join(pieces)[1:])
        for row, hit, said in zip(rows, hits, read, strict=True):
            price = row["price"]
            known = price is not None and math.isfinite(price)
            box = [0.25] * 4
            expected = {**row, "price": price if known else None, "image_url": row["item_id"]}
            assert said == {**expected, "box": box, "score": hit.score}


@settings(deadline=None)
@given(texts)
def test_a_text_is_the_same_text_in_json(text: str) -> None:
    assert json.loads(encode_text(text)) == text
    assert json.loads(encode({"a": text})) == {"a": text}
    assert b"\n" not in encode_text(text)


def test_nothing_is_null_and_half_a_character_is_none() -> None:
    assert encode_text(None) == b"null"
    assert json.loads(encode_text("a\ud800")) == "a?"


@pytest.mark.parametrize(
    ("value", "written"),
    [(4980.0, 4980), (19.5, 19.5), (math.nan, None), (math.inf, None), (True, True), ("1", "1")],
)
def test_numbers_are_written_as_people_do(value: Any, written: Any) -> None:
    assert plain(value) is written or plain(value) == written
    assert type(plain(value)) is type(written)
