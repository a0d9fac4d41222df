"""What may be asked: the query parameters of each route, checked one by one."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from feature_store.bundle.filters import Filter, parse_filter
from feature_store.errors import FilterError
from serving.problems import bad_parameter

MAX_LIMIT = 100
DEFAULT_LIMIT = 12
MAX_FILTERS = 16
_NUMBER = r"(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
FILTER_FORMS = (
    "name:value, name:one,another or name:low..high with a number at either end, "
    "such as category:shoes, price:10..50 or in_stock:true"
)


@dataclass(frozen=True)
class SimilarQuestion:
    """What `GET /v1/items/{item_id}/similar` asks beside the item."""

    limit: int = DEFAULT_LIMIT
    threshold: float = 0.0
    region_id: str | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True)
class Page:
    """Which part of the shop's listing is asked."""

    offset: int = 0
    limit: int = 24
    category: str | None = None


def similar_question(query: QueryParams) -> SimilarQuestion:
    """Read the parameters of a question for look-alikes; ProblemError names the wrong one."""
    _only(query, {"limit", "threshold", "region", "filter"}, repeated={"filter"})
    region = query.get("region")
    if region is not None and not re.fullmatch("[0-9a-f]{16}", region):
        raise bad_parameter("region", region, "a region_id of this item: 16 hexadecimal digits")
    texts = query.getlist("filter")
    if len(texts) > MAX_FILTERS:
        raise bad_parameter("filter", f"{len(texts)} times", f"at most {MAX_FILTERS} times")
    return SimilarQuestion(
        limit=_integer(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        threshold=_score(query, "threshold"),
        region_id=region,
        filters=tuple(_filter(text) for text in texts),
    )


def listing_page(query: QueryParams) -> Page:
    """Read the parameters of the shop's listing; ProblemError names the wrong one."""
    _only(query, {"offset", "limit", "category"})
    return Page(
        offset=_integer(query, "offset", 0, 0, 10**9),
        limit=_integer(query, "limit", 24, 1, 200),
        category=query.get("category"),
    )


def no_parameters(query: QueryParams) -> None:
    """Refuse any parameter: a misspelt one must not be silently ignored."""
    _only(query, set())


def _only(query: QueryParams, known: set[str], repeated: Collection[str] = ()) -> None:
    names = [name for name, _ in query.multi_items()]
    for name in names:
        if name not in known:
            allowed = f"only {', '.join(sorted(known))}" if known else "no parameter"
            raise bad_parameter(name, query[name], allowed)
        if name not in repeated and names.count(name) > 1:
            raise bad_parameter(name, ",".join(query.getlist(name)), "once only")


def _integer(query: QueryParams, name: str, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,10}", text) or not low <= int(text) <= high:
        raise bad_parameter(name, text, f"a whole number, {low} to {high}")
    return int(text)


def _score(query: QueryParams, name: str) -> float:
    text = query.get(name)
    if text is None:
        return 0.0
    # float() alone would also read "1_0" and digits of every script.
    score = float(text) if re.fullmatch(_NUMBER, text) else math.nan
    if not 0 <= score <= 100:
        raise bad_parameter(name, text, "a number, 0 to 100")
    return score


def _filter(text: str) -> Filter:
    try:
        return parse_filter(text)
    except FilterError as error:
        raise bad_parameter("filter", text, f"{FILTER_FORMS} ({error})") from error
