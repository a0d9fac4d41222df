"""`POST /v1/events`: what browsers say that shoppers saw, clicked and bought.

Everything in a body is a stranger's: types, lengths and forms are checked, a member that is not
known is refused, and a batch with anything wrong in it is refused whole. Nothing is kept but the
members below and the time: no address of a client, no browser, no cookie. `session` is optional and
should be random, one for a visit; it only serves to tell programs from people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from feature_store.schemas import EVENT_TYPES
from feature_store.storage import Timing, open_files
from serving.bodies import read_body, read_json
from serving.event_log import Count, Event, EventLog
from serving.parameters import no_parameters
from serving.problems import ProblemError
from serving.settings import ServingSettings

MAX_BODY_BYTES = 65_536
"""What a browser's beacon may hold."""
MAX_EVENTS = 100
MAX_POSITION = 1100
"""The largest offset and the largest limit together."""
MAX_ID_CHARACTERS = 2048
MEDIA_TYPES = ("application/json", "text/plain")
"""Plain text, because that is what a beacon sends without asking the service beforehand."""

QUERY_ID, BUNDLE, SESSION = "[0-9a-f]{32}", "[0-9A-Za-z][0-9A-Za-z_-]{0,99}", "[0-9A-Za-z_-]{8,64}"

RETRY_SECONDS = 60
"""When a shop's own program may send again what could not be taken."""

_TIMING = Timing(connect_seconds=5, read_seconds=10, retry_seconds=5)


def _matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


_SESSION = _matches(SESSION)


def _is_session(value: Any) -> bool:
    return value is None or _SESSION(value)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_ID_CHARACTERS


_ID = f"a text of 1 to {MAX_ID_CHARACTERS} characters"
_MEMBERS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "type": (lambda value: value in EVENT_TYPES, " or ".join(EVENT_TYPES)),
    "query_id": (_matches(QUERY_ID), "the query_id of an answer: 32 hexadecimal digits"),
    "item_id": (lambda value: value is None or _is_id(value), f"{_ID}, or null"),
    "position": (
        lambda value: type(value) is int and 1 <= value <= MAX_POSITION,
        f"a whole number, 1 to {MAX_POSITION}",
    ),
    "hit_item_id": (_is_id, _ID),
    "bundle": (_matches(BUNDLE), "the bundle of an answer"),
    "session": (_is_session, "8 to 64 letters, digits, - or _, or null"),
}
_OPTIONAL = {"item_id", "session"}


class ShopperEvents:
    """The part of the door that takes events."""

    def __init__(self, log: EventLog, count: Count) -> None:
        self._log = log
        self._count = count

    async def answer(self, request: Request) -> Response:
        """Take a batch, and answer how many of its events are kept; ProblemError."""
        no_parameters(request.scope["query_string"])
        body = await read_body(request, MEDIA_TYPES, MAX_BODY_BYTES)
        try:
            events = parse_events(read_json(body))
        except ProblemError:
            self._count("other", "rejected")
            raise
        if not self._log.add(events, len(body)):
            detail = "events cannot be written, and too many wait; send these again later"
            raise ProblemError(503, "busy", detail, retry_after_seconds=RETRY_SECONDS)
        return Response(
            json.dumps({"accepted": len(events)}),
            status_code=202,
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    def hasten(self) -> None:
        """Write what waits soon, since the end of a worker has begun; more may come."""
        self._log.hasten()

    def close(self) -> None:
        """Write what is not written yet; for the end of a worker. Blocks for some seconds."""
        self._log.close()


def open_events(settings: ServingSettings, count: Count) -> ShopperEvents | None:
    """Return the door's part for events, or None where they are off; begins a thread: fork before.

    `count` is told what becomes of them.
    """
    if not settings.takes_events:
        return None
    files = open_files(settings.events, _TIMING)
    return ShopperEvents(EventLog(files, count, settings.events_flush_seconds), count)


def parse_events(sent: Any) -> list[Event]:
    """Return the events of a batch `{"events": [...]}`; ProblemError names what is wrong in it."""
    if not isinstance(sent, dict) or set(sent) != {"events"}:
        raise _bad("the body", "an object whose one member is events")
    events = sent["events"]
    if not isinstance(events, list) or not 1 <= len(events) <= MAX_EVENTS:
        raise _bad("events", f"a list of 1 to {MAX_EVENTS} events")
    return [_parse(f"events[{number}]", event) for number, event in enumerate(events)]


def _parse(where: str, event: Any) -> Event:
    if not isinstance(event, dict):
        raise _bad(where, "an object")
    for name in event:
        if name not in _MEMBERS:
            raise _bad(f"{where}.{name[:100]}", f"only {', '.join(_MEMBERS)}")
    for name, (fits, allowed) in _MEMBERS.items():
        if name not in event and name not in _OPTIONAL:
            raise _bad(f"{where}.{name}", f"{allowed}; it is missing")
        if name in event and not fits(event[name]):
            raise _bad(f"{where}.{name}", allowed)
    return Event._make(event.get(name) for name in Event._fields)


def _bad(where: str, allowed: str) -> ProblemError:
    detail = f"{where} cannot be used; allowed: {allowed}"
    return ProblemError(400, "bad-body", detail, parameter=where, allowed=allowed)
