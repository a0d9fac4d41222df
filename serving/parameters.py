"""What may be asked: the query parameters of each route, checked one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from feature_store.bundle.filters import Filter, parse_filter
from feature_store.bundle.rules import ANYTHING, AtMost, Rules, parse_at_most
from feature_store.errors import FilterError
from serving.problems import ProblemError, bad_parameter

MAX_LIMIT = 100
DEFAULT_LIMIT = ANYTHING.limit
MAX_OFFSET = 1000
MAX_FILTERS = 16
MAX_AT_MOST = 4
MAX_FACETS = 8
REGION_ID = "[0-9a-f]{16}"
FILTER_FORMS = (
    "name:value, name:one,another or name:low..high with a number at either end, "
    "such as category:shoes, price:10..50 or in_stock:true"
)
AT_MOST_FORMS = "name:count, such as brand:2"
FACET_FORMS = f"1 to {MAX_FACETS} attributes, such as category,brand,price"
REGION_FORM = "a region_id of this item: 16 hexadecimal digits"

_NUMBER = r"(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Terms:
    """How a question wants to be answered, whatever it asks about."""

    rules: Rules = ANYTHING
    facets: tuple[str, ...] = ()
    """The attributes whose values are counted."""
    fallback: bool = False
    """Whether other items stand in for look-alikes that there are not."""


@dataclass(frozen=True)
class SimilarQuestion:
    """What is asked about an item's look-alikes beside the item."""

    terms: Terms = Terms()
    region_id: str | None = None
    """The region of the item to ask about; None for its main one."""


@dataclass(frozen=True)
class Page:
    """Which part of the shop's listing is asked."""

    offset: int = 0
    limit: int = 24
    category: str | None = None
    filters: tuple[Filter, ...] = ()


class Query:
    """The parameters of one request: every name is known, and what comes once comes once."""

    def __init__(self, sent: bytes, known: Collection[str], repeated: Collection[str] = ()) -> None:
        """Read a query string; ProblemError for a parameter that is not known."""
        self._values: dict[str, list[str]] = {}
        for name, value in parse_qsl(sent.decode("latin-1"), keep_blank_values=True):
            if name not in known:
                allowed = f"only {', '.join(sorted(known))}" if known else "no parameter"
                raise bad_parameter(name, value, allowed)
            values = self._values.setdefault(name, [])
            values.append(value)
            if len(values) > 1 and name not in repeated:
                raise bad_parameter(name, ",".join(values), "once only")

    def text(self, name: str) -> str | None:
        """Return a parameter as it came, None if it did not."""
        values = self._values.get(name)
        return values[0] if values else None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`; ProblemError."""
        text = self.text(name)
        if text is None:
            return default
        if not re.fullmatch("[0-9]{1,10}", text) or not low <= int(text) <= high:
            raise bad_parameter(name, text, f"a whole number, {low} to {high}")
        return int(text)

    def percent(self, name: str) -> float | None:
        """Return a number from 0 to 100, None if there is none; ProblemError."""
        text = self.text(name)
        if text is None:
            return None
        # float() alone would also read "1_0" and digits of every script.
        number = float(text) if re.fullmatch(_NUMBER, text) else math.nan
        if not 0 <= number <= 100:
            raise bad_parameter(name, text, "a number, 0 to 100")
        return number

    def boolean(self, name: str) -> bool:
        """Return whether a parameter is `true`; ProblemError unless it is that or `false`."""
        text = self.text(name)
        if text not in (None, "true", "false"):
            raise bad_parameter(name, text or "", "true or false")
        return text == "true"

    def each(self, name: str, most: int, read: Callable[[str, str], _Read]) -> tuple[_Read, ...]:
        """Return what a repeated parameter says each time; ProblemError beyond `most` times."""
        values = self._values.get(name, [])
        if len(values) > most:
            raise bad_parameter(name, f"{len(values)} times", f"at most {most} times")
        return tuple(read(name, value) for value in values)


_RULES = ("limit", "offset", "threshold", "filter", "at_most", "collapse")
_REPEATED = ("filter", "at_most")
_SIMILAR = (*_RULES, "region", "facets", "fallback")
_PHOTO = (*_RULES, "fallback")


def similar_question(sent: bytes) -> SimilarQuestion:
    """Read the query string of a question for look-alikes; ProblemError names what is wrong."""
    return _remembered(sent) if len(sent) <= 200 else _similar_question(sent)


def photo_terms(sent: bytes) -> Terms:
    """Read the query string of a question by photo; ProblemError names what is wrong."""
    query = Query(sent, _PHOTO, _REPEATED)
    return Terms(_rules(query), fallback=query.boolean("fallback"))


def listing_page(sent: bytes) -> Page:
    """Read the parameters of the shop's listing; ProblemError names the wrong one."""
    query = Query(sent, ("offset", "limit", "category", "filter"), repeated=("filter",))
    return Page(
        offset=query.integer("offset", 0, 0, 10**9),
        limit=query.integer("limit", 24, 1, 200),
        category=query.text("category"),
        filters=query.each("filter", MAX_FILTERS, read_filter),
    )


def no_parameters(sent: bytes) -> None:
    """Refuse any parameter: a misspelt one must not be silently ignored."""
    Query(sent, ())


def read_filter(name: str, text: str) -> Filter:
    """Read a filter; ProblemError naming the parameter it came by."""
    try:
        return parse_filter(text)
    except FilterError as error:
        raise bad_parameter(name, text, f"{FILTER_FORMS} ({error})") from error


def read_at_most(name: str, text: str) -> AtMost:
    """Read at most how many hits may share a value; ProblemError naming the parameter."""
    try:
        return parse_at_most(text)
    except FilterError as error:
        raise bad_parameter(name, text, f"{AT_MOST_FORMS} ({error})") from error


def _similar_question(sent: bytes) -> SimilarQuestion:
    query = Query(sent, _SIMILAR, _REPEATED)
    region = query.text("region")
    if region is not None and not re.fullmatch(REGION_ID, region):
        raise bad_parameter("region", region, REGION_FORM)
    terms = Terms(_rules(query), _facets(query.text("facets")), query.boolean("fallback"))
    return SimilarQuestion(terms, region)


_remembered = lru_cache(maxsize=1024)(_similar_question)
"""Widgets ask the same way again and again. Neither errors nor anything long is remembered."""


def _rules(query: Query) -> Rules:
    return Rules(
        limit=query.integer("limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        offset=query.integer("offset", 0, 0, MAX_OFFSET),
        threshold=query.percent("threshold") or 0.0,
        filters=query.each("filter", MAX_FILTERS, read_filter),
        at_most=query.each("at_most", MAX_AT_MOST, read_at_most),
        collapse=query.percent("collapse"),
    )


def _facets(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not all(names) or len(names) > MAX_FACETS:
        raise bad_parameter("facets", text, FACET_FORMS)
    return names


def refused_attribute(terms: Terms, error: FilterError, known: Collection[str]) -> ProblemError:
    """Say which parameter names what the bundle does not have, or asks it what it cannot be."""
    rules = terms.rules
    culprits = {
        "at_most": [one.attribute for one in rules.at_most],
        "facets": list(terms.facets),
    }
    allowed = {"at_most": AT_MOST_FORMS, "facets": FACET_FORMS}
    filtered = all(one.attribute in known for one in rules.filters)
    for name, attributes in culprits.items():
        if filtered and not all(attribute in known for attribute in attributes):
            return _refused(name, allowed[name], error)
    return _refused("filter", FILTER_FORMS, error)


def _refused(name: str, allowed: str, error: FilterError) -> ProblemError:
    detail = f"{name} cannot be used: {error}"
    return ProblemError(400, "bad-parameter", detail, parameter=name, allowed=allowed)
