"""`POST /v1/search`: several questions at once, each with its own answer or its own problem."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from feature_store.bundle.rules import Rules
from serving.answers import Answers, new_query_id
from serving.bodies import read_body, read_json
from serving.counters import LIVE
from serving.limits import Limits
from serving.observed import NOTES
from serving.parameters import (
    DEFAULT_LIMIT,
    MAX_AT_MOST,
    MAX_FILTERS,
    MAX_LIMIT,
    MAX_OFFSET,
    REGION_FORM,
    REGION_ID,
    Terms,
    no_parameters,
    read_at_most,
    read_filter,
)
from serving.pieces import encode, encode_text
from serving.problems import ProblemError, bad_parameter, problem_members
from serving.questions import ByItem, ByItems, ByRegion, ByVector, Question
from serving.replies import JSON, json_reply
from serving.service import Service

MAX_QUERIES = 64
MAX_ITEMS = 64
"""Items that one question may like, and dislike."""
MAX_NUMBERS = 16_384
"""Of a vector; which length it must have, the bundle says."""
MAX_WAITING = 16
"""Batches that may wait in one worker: one is answered at a time."""
RETRY_SECONDS = 1
_BEYOND = 1e300

_Read = TypeVar("_Read")
ASKED = ("item_id", "region_id", "vector", "positive")
"""The members that say what is asked about; one of them, though an item may name its region."""
_TERMS = ("limit", "offset", "threshold", "filters", "at_most", "collapse", "fallback")


@dataclass(frozen=True)
class Query:
    """One question of a batch."""

    question: Question
    terms: Terms


class Batches:
    """Answers batches in slices, one question each, so that look-ups come in between."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._served = service.served
        self._counters = service.counters
        self._limit_bytes = service.settings.max_body_bytes
        self._limits = limits
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def answer(self, request: Request) -> Response:
        """Return the answers in the order of the questions; ProblemError for a bad body."""
        no_parameters(request.scope["query_string"])
        begun = time.perf_counter()
        sent = read_json(await read_body(request, (JSON,), self._limit_bytes))
        queries = _queries(sent)
        self._limits.charge(request.scope, len(queries) - 1)
        asked = time.perf_counter()
        answers = self._served.live
        parts = await self._in_turn(answers, queries, request.scope[NOTES])
        answered = time.perf_counter()
        body = b'{"bundle":%b,"answers":[%b]}' % (encode_text(answers.bundle_id), b",".join(parts))
        reply = json_reply(request, body, {"Cache-Control": "no-store"})
        request.scope[NOTES] |= {
            "read_seconds": asked - begun,
            "search_seconds": answered - asked,
            "write_seconds": time.perf_counter() - answered,
        }
        return reply

    async def _in_turn(
        self, answers: Answers, queries: list[Any], notes: dict[str, Any]
    ) -> list[bytes]:
        if self._waiting >= MAX_WAITING:
            detail = f"{self._waiting} batches are waiting already; ask again in a while"
            raise ProblemError(503, "busy", detail, retry_after_seconds=RETRY_SECONDS)
        self._waiting += 1
        try:
            async with self._turn:
                return await self._sliced(answers, queries, notes)
        finally:
            self._waiting -= 1

    async def _sliced(
        self, answers: Answers, queries: list[Any], notes: dict[str, Any]
    ) -> list[bytes]:
        parts, kinds = [], set()
        for sent in queries:
            part, kind = self._one(answers, sent)
            parts.append(part)
            kinds.add(kind)
            await asyncio.sleep(0)  # whoever has asked meanwhile is answered first
        notes["kind"] = kinds.pop() if len(kinds) == 1 else "mixed"
        return parts

    def _one(self, answers: Answers, sent: Any) -> tuple[bytes, str]:
        """Return the JSON of one answer and what found it, or that of its problem and `none`."""
        try:
            query = read_query(sent)
            found = answers.find(new_query_id(), query.question, query.terms)
        except ProblemError as problem:
            return b'{"problem":%b}' % encode(problem_members(problem)), "none"
        self._counters.answer(LIVE, found.answered_by, found.hits, found.fallback)
        return found.body, found.answered_by


def _queries(sent: Any) -> list[Any]:
    allowed = f'an object with "queries", 1 to {MAX_QUERIES} objects, and nothing else'
    if not isinstance(sent, dict) or set(sent) != {"queries"}:
        raise ProblemError(400, "bad-body", f"the body must be {allowed}", allowed=allowed)
    queries = sent["queries"]
    if not isinstance(queries, list) or not 1 <= len(queries) <= MAX_QUERIES:
        detail = f"queries cannot be used; the body must be {allowed}"
        raise ProblemError(400, "bad-body", detail, parameter="queries", allowed=allowed)
    return queries


def read_query(sent: Any) -> Query:
    """Read one question of a batch; ProblemError names the member that cannot be used."""
    if not isinstance(sent, dict):
        raise bad_parameter("queries", _shown(sent), "an object for each question")
    for name in sent:
        if name not in (*ASKED, "negative", *_TERMS):
            raise bad_parameter(
                name, _shown(sent[name]), f"only {', '.join(sorted((*ASKED, 'negative', *_TERMS)))}"
            )
    members = {name: value for name, value in sent.items() if value is not None}
    return Query(_question(members), _terms(members))


def _question(members: Mapping[str, Any]) -> Question:
    named = [name for name in ASKED if name in members]
    if named not in (
        ["item_id"],
        ["item_id", "region_id"],
        ["region_id"],
        ["vector"],
        ["positive"],
    ):
        allowed = "one of item_id (with region_id or without), region_id, vector and positive"
        raise bad_parameter("queries", ", ".join(named) or "nothing to ask about", allowed)
    if "negative" in members and named != ["positive"]:
        raise bad_parameter("negative", _shown(members["negative"]), "only beside positive")
    if named[0] == "vector":
        return ByVector(_vector(members["vector"]))
    if named[0] == "positive":
        return ByItems(_ids(members, "positive", 1), _ids(members, "negative", 0))
    region_id = members.get("region_id")
    if region_id is not None:
        region_id = _text("region_id", region_id)
        if not re.fullmatch(REGION_ID, region_id):
            raise bad_parameter("region_id", region_id, REGION_FORM)
    if "item_id" in members:
        return ByItem(_text("item_id", members["item_id"]), region_id)
    return ByRegion(str(region_id))


def _terms(members: Mapping[str, Any]) -> Terms:
    fallback = members.get("fallback", False)
    if not isinstance(fallback, bool):
        raise bad_parameter("fallback", _shown(fallback), "true or false")
    rules = Rules(
        limit=_integer(members, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        offset=_integer(members, "offset", 0, 0, MAX_OFFSET),
        threshold=_percent(members, "threshold") or 0.0,
        filters=_each(members, "filters", MAX_FILTERS, read_filter),
        at_most=_each(members, "at_most", MAX_AT_MOST, read_at_most),
        collapse=_percent(members, "collapse"),
    )
    return Terms(rules, fallback=fallback)


def _integer(members: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = members.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise bad_parameter(name, _shown(value), f"a whole number, {low} to {high}")
    return value


def _percent(members: Mapping[str, Any], name: str) -> float | None:
    value = members.get(name)
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= 100:
        raise bad_parameter(name, _shown(value), "a number, 0 to 100")
    return float(value)


def _each(
    members: Mapping[str, Any], name: str, most: int, read: Callable[[str, str], _Read]
) -> tuple[_Read, ...]:
    values = members.get(name, [])
    if not isinstance(values, list) or len(values) > most:
        raise bad_parameter(name, _shown(values), f"a list of at most {most} texts")
    return tuple(read(name, _text(name, value)) for value in values)


def _ids(members: Mapping[str, Any], name: str, least: int) -> tuple[str, ...]:
    values = members.get(name, [])
    if not isinstance(values, list) or not least <= len(values) <= MAX_ITEMS:
        raise bad_parameter(name, _shown(values), f"a list of {least} to {MAX_ITEMS} item_ids")
    return tuple(_text(name, value) for value in values)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise bad_parameter(name, _shown(value), "a text")
    return value


def _vector(value: Any) -> Any:
    allowed = f"a list of 1 to {MAX_NUMBERS} numbers"
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_NUMBERS:
        raise bad_parameter("vector", _shown(value), allowed)
    if not all(map(_is_number, value)):
        raise bad_parameter("vector", _shown(value), allowed)
    # What float32 cannot hold becomes infinite, and the searcher refuses that.
    with np.errstate(over="ignore"):
        return np.array(value, np.float64).astype(np.float32)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _BEYOND  # not so is what JSON wrote as 1e999


def _shown(value: Any) -> str:
    """Return a value as a problem quotes it."""
    return repr(value)[:200] if not isinstance(value, list | dict) else type(value).__name__
