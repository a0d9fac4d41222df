"""What is answered: JSON put together from pieces that are encoded once, when a bundle is loaded.

A bundle's rows are turned into bytes once and by the leader, so that answering is a search and a
join of slices, and all workers share the pieces' pages. Those of a tier are each worker's own.
"""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from feature_store.bundle.hits import Hit
from feature_store.bundle.open import Bundle
from feature_store.bundle.rules import Rules
from feature_store.bundle.search import Answer, Searcher
from feature_store.bundle.tier import Tier, TierPointer
from feature_store.errors import FilterError, UnknownItemError
from serving.parameters import Page, SimilarQuestion, Terms, refused_attribute
from serving.pieces import (
    ITEM_FIELDS,
    Both,
    Numbered,
    Pieces,
    encode,
    encode_text,
    facet_of,
    hit_pieces,
    images_of,
    item_pieces,
    plain,
    region_pieces,
)
from serving.problems import ProblemError
from serving.questions import ByItem, Question
from serving.shelf import Shelf
from serving.summary import bundle_summary, tier_summary

UNKNOWN_ITEM, TOO_FEW_HITS = "unknown_item", "too_few_hits"
"""Why an answer has stand-ins."""
STOOD_IN = "fallback"
"""What answered when all hits are stand-ins."""


class Found(NamedTuple):
    """An answer about look-alikes: the body, and what the metrics say of it."""

    body: bytes
    hits: int
    answered_by: str
    """`neighbours`, `graph`, `scan`, or `fallback` if all hits are stand-ins."""
    fallback: str | None
    """Why there are stand-ins, None if there are none."""


class Picked(NamedTuple):
    """The hits of an answer, and the items that stand in for more."""

    answer: Answer
    stand_ins: Sequence[Hit] = ()
    fallback: str | None = None

    @property
    def answered_by(self) -> str:
        """What found the hits."""
        return self.answer.method if self.answer.hits or not self.stand_ins else STOOD_IN


@dataclass(frozen=True)
class _Encoded:
    """A bundle and what is made of it once, for all its tiers."""

    bundle: Bundle
    items: Pieces
    regions: Pieces
    shelf: Shelf | None
    summary: dict[str, Any]
    popularity: str


class Answers:
    """Everything that is answered from one bundle and its fresh tier, if it has one.

    Nothing in it changes: a worker takes another tier up by answering from another such object,
    which shares all that is the bundle's.
    """

    def __init__(self, bundle: Bundle, *, shelf: bool, popularity: str = "") -> None:
        """Encode the bundle's rows; `shelf` says whether `listing` will be asked.

        `popularity`: the attribute whose numbers say what is popular; empty for none.
        """
        self._encoded = _Encoded(
            bundle,
            Pieces(item_pieces(bundle.items)),
            Pieces(region_pieces(bundle.regions)),
            Shelf(bundle) if shelf else None,
            bundle_summary(bundle),
            popularity,
        )
        self._take(None, None)

    def with_tier(self, tier: Tier | None, pointer: TierPointer | None = None) -> Answers:
        """Return the answers from the same bundle with another tier, which `pointer` names."""
        other = copy.copy(self)
        other._take(tier, pointer)
        return other

    def confirmed(self, pointer: TierPointer) -> Answers:
        """Return the same answers, whose tier is named once more."""
        other = copy.copy(self)
        other.pointer = pointer
        return other

    def _take(self, tier: Tier | None, pointer: TierPointer | None) -> None:
        encoded = self._encoded
        self.bundle = encoded.bundle
        self.bundle_id = encoded.bundle.bundle_id
        self.tier = tier
        self.pointer = pointer
        """What named the tier."""
        self.edition = self.bundle_id if tier is None else f"{self.bundle_id}.{tier.tier_id}"
        """What all answers follow from, apart from this program: the same means the same ones."""
        self.searcher = Searcher(encoded.bundle, tier, popularity=encoded.popularity)
        self.searcher.prepare()
        self._view = self.searcher.view
        self._items: Numbered = encoded.items
        self._regions: Numbered = encoded.regions
        self._shelf = encoded.shelf
        self._bundle_member = b',"bundle":%b,"fallback":' % encode_text(self.bundle_id)
        stand_in = self.searcher.stand_in
        self._stood_in = b',"score":0,"fallback":%b}' % encode_text(stand_in)
        self.attributes = frozenset(self._view.facets.attributes)
        """What can be filtered by, counted and kept varied."""
        if tier is not None:
            self._items = Both(self._items, Pieces(item_pieces(tier.items)))
            self._regions = Both(self._regions, Pieces(region_pieces(tier.regions)))
            self._shelf = encoded.shelf.with_tier(tier) if encoded.shelf else None

    @property
    def summary(self) -> dict[str, Any]:
        """What `/v1/bundle` says of the bundle and its tier."""
        tier = tier_summary(self.tier, self.pointer) if self.tier and self.pointer else None
        return {**self._encoded.summary, "tier": tier}

    def has(self, item_id: str, region_id: str | None = None) -> bool:
        """Whether the item can be asked about, and by that region if one is named."""
        try:
            number = self._view.item_number(item_id)
            if region_id is not None:
                self._view.region_number(number, region_id)
        except UnknownItemError:
            return False
        return True

    def lost(self, item_id: str) -> bool:
        """Whether the bundle has the item and the tier says that it is gone."""
        if self.tier is None or self.has(item_id):
            return False
        try:
            self.bundle.item_number(item_id)
        except UnknownItemError:
            return False
        return True

    def similar(self, query_id: str, item_id: str, question: SimilarQuestion) -> Found:
        """Return the look-alikes of an item; ProblemError as `find`."""
        return self.find(query_id, ByItem(item_id, question.region_id), question.terms)

    def find(self, query_id: str, question: Question, terms: Terms) -> Found:
        """Return the JSON that answers a question; ProblemError for what cannot be answered.

        That is 404 for what the bundle does not have, unless other items may stand in, and 400
        for an attribute or a vector that it cannot use.
        """
        try:
            picked = self.pick(lambda rules: question.ask(self.searcher, rules), terms)
            counted = self._counted(question, terms)
        except FilterError as error:
            raise refused_attribute(terms, error, self.attributes) from error
        except UnknownItemError as error:
            asked = question.item_id
            known = asked is not None and self.has(asked)
            if known or not terms.fallback:
                raise ProblemError(
                    404, "unknown-region" if known else "unknown-item", str(error)
                ) from error
            picked, counted = self._unknown(terms), b""
        return self._written(query_id, question.item_id, picked, counted)

    def pick(self, ask: Callable[[Rules], Answer], terms: Terms) -> Picked:
        """Return what the searcher finds, and stand-ins for what is missing if they are wanted."""
        rules = terms.rules
        answer = ask(rules)
        missing = rules.limit - len(answer.hits)
        # Stand-ins fill up the first page alone: further ones end where look-alikes do.
        if not terms.fallback or missing <= 0 or rules.offset:
            return Picked(answer)
        excluded = {hit.item for hit in answer.hits}
        if answer.item is not None:
            excluded.add(answer.item)
        fewer = replace(rules, limit=missing)
        stand_ins = self.searcher.stand_ins(fewer, like=answer.item, excluded=excluded)
        return Picked(answer, stand_ins, TOO_FEW_HITS if stand_ins else None)

    def _unknown(self, terms: Terms) -> Picked:
        """Return stand-ins for the look-alikes of an item that nobody knows."""
        try:
            stand_ins = self.searcher.stand_ins(terms.rules)
        except FilterError as error:
            raise refused_attribute(terms, error, self.attributes) from error
        return Picked(Answer(None, None, [], STOOD_IN), stand_ins, UNKNOWN_ITEM)

    def _counted(self, question: Question, terms: Terms) -> bytes:
        """Return the member `facets` of an answer, if it was asked for."""
        if not terms.facets:
            return b""
        counted = self.searcher.facets(
            terms.facets, terms.rules, lambda rules: question.ask(self.searcher, rules)
        )
        return b',"facets":%b' % encode({name: facet_of(found) for name, found in counted.items()})

    def _written(self, query_id: str, item_id: str | None, picked: Picked, counted: bytes) -> Found:
        answer, by = picked.answer, picked.answered_by
        pieces = [
            b'{"query_id":"',
            query_id.encode(),
            b'","item_id":',
            encode_text(item_id),
            b',"region_id":',
            encode_text(answer.region_id),
            self._bundle_member,
            encode_text(picked.fallback),
            b',"answered_by":"',
            by.encode(),
            b'"',
            counted,
            b',"hits":[',
            *self._pieces(picked),
            b"]}",
        ]
        count = len(answer.hits) + len(picked.stand_ins)
        return Found(b"".join(pieces), count, by, picked.fallback)

    def hits(self, picked: Picked) -> bytes:
        """Return hits as the members of a JSON array, stand-ins marked and at the end."""
        return b"".join(self._pieces(picked))

    def _pieces(self, picked: Picked) -> list[bytes]:
        items, regions = self._items, self._regions
        pieces = hit_pieces(items, regions, picked.answer.hits)
        for item, region, _ in picked.stand_ins:
            pieces += (items[item], regions[region], self._stood_in)
        if pieces:
            pieces[0] = pieces[0][1:]  # the comma before the first
        return pieces

    def item(self, item_id: str) -> bytes:
        """Return an item with its images and their regions; UnknownItemError."""
        view = self._view
        number = view.item_number(item_id)
        row = view.item_rows([number])[0]
        body = {name: plain(row[name]) for name in (*ITEM_FIELDS, "segment")}
        body["attributes"] = json.loads(row["attributes"] or "{}")
        body["bundle"] = self.bundle_id
        body["region_id"] = view.region_id(view.primary_region(number))
        body["images"] = images_of(view.region_rows(view.regions_of(number)))
        return encode(body)

    def listing(self, page: Page) -> dict[str, Any]:
        """Return one page of the demo shop's shelf: its items, how many, all categories, facets.

        ProblemError for a filter that names what no item has.
        """
        assert self._shelf is not None, "made without a shelf"
        view = self._view
        try:
            left = self._shelf.narrowed(view, page.category, page.filters)
        except FilterError as error:
            terms = Terms(Rules(filters=page.filters))
            raise refused_attribute(terms, error, self.attributes) from error
        numbers = left.numbers[page.offset : page.offset + page.limit].tolist()
        rows = view.item_rows(numbers)
        photos = view.region_rows([view.primary_region(number) for number in numbers])
        return {
            "bundle": self.bundle_id,
            "all": len(self._shelf.numbers(None)),
            "total": len(left.numbers),
            "offset": page.offset,
            "categories": self._shelf.categories,
            "facets": left.facets,
            "items": [
                {name: plain(row[name]) for name in ITEM_FIELDS}
                | {name: photo[name] for name in ("image_url", "width_px", "height_px")}
                for row, photo in zip(rows, photos, strict=True)
            ],
        }


def new_query_id() -> str:
    """Return a new name for an answer: 32 hexadecimal digits that sort by time of asking."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"
