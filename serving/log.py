"""What the service says of itself on stdout: one line of JSON for each event.

Every line has `time` (UTC), `level`, `event` and `process`, the id of the process that says it;
most have a `message` for people, and what belongs to one answer has its `query_id`. Nothing that
somebody sent can end a line, add to one or reach a terminal as a control sequence; and no line is
longer than what a pipe takes whole, so that those of several processes never mix. On a terminal
the same events are plain text.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import logging
import math
import os
import time
import traceback
from typing import Any

LINE_BYTES = 4096
"""The longest line, its end included: Linux's PIPE_BUF."""

_STDOUT = 1
_CLIPS = (3000, 1000, 300, 100, 20)
"""How many letters a value may have, tried until the line fits."""

_ENCODER = json.JSONEncoder(allow_nan=False, default=str)
_KEPT_AT_THE_END = {"trace"}
"""The values of which the end says most."""


def begin() -> None:
    """Send everything that this process and its children log to stdout, and only there."""
    logging.basicConfig(handlers=[_Lines()], level=logging.getLogger().level, force=True)
    logging.captureWarnings(True)
    logging.getLogger("serving").setLevel(logging.INFO)


def event(name: str, **fields: object) -> dict[str, Any]:
    """Return what makes a log record that event, as logging's `extra`.

    `_LOG.warning("worker %d died", pid, extra=event("worker_died", worker=pid))`
    """
    return {"event": name, "fields": fields}


def say(name: str, **fields: object) -> None:
    """Write an event at once, past logging: for what happens with every request."""
    _write(_as_text if _on_terminal() else line, "info", {"event": name, **fields}, time.time())


def line(level: str, fields: dict[str, Any], at: float) -> bytes:
    """Return an event as a line of JSON in ASCII; `fields` begin with `event`, `at` is UNIX time.

    Longer values lose their ends until the line is short enough.
    """
    told = {"time": f"{_second(int(at))}.{int(at % 1 * 1000):03d}Z", "level": level, **fields}
    told["process"] = os.getpid()
    try:
        text = _encoded(told)
    except ValueError:  # a number that JSON does not have
        text = _short(told)
    if len(text) >= LINE_BYTES:
        text = _short(told)
    return text.encode() + b"\n"


def _short(told: dict[str, Any]) -> str:
    """Encode a line with less of each value, so that it is short enough."""
    for letters in _CLIPS:
        text = _encoded({name: _clipped(name, told[name], letters) for name in told})
        if len(text) < LINE_BYTES:
            return text
    return _encoded({name: told[name] for name in ("time", "level", "event", "process")})


def _encoded(told: dict[str, Any]) -> str:
    # Delete is the one control character that JSON's encoder lets through.
    return _ENCODER.encode(told).replace("\x7f", "\\u007f")


@functools.lru_cache(1)
def _second(at: int) -> str:
    """Return the beginning of a time, as ISO 8601 has it."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


class _Lines(logging.Handler):
    """Writes log records as events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; what is logged without an event is the event `log`."""
        fields: dict[str, Any] = {"event": getattr(record, "event", "log")}
        fields |= getattr(record, "fields", {})
        fields |= {"message": record.getMessage(), "logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["trace"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        form = _as_text if _on_terminal() else line
        _write(form, record.levelname.lower(), fields, record.created)


def _write(form: Any, level: str, fields: dict[str, Any], at: float) -> None:
    # A full disk, or a reader that has gone, must not fail what is being logged.
    with contextlib.suppress(OSError):
        os.write(_STDOUT, form(level, fields, at))


@functools.cache
def _on_terminal() -> bool:
    return os.isatty(_STDOUT)


def _clipped(name: str, value: object, letters: int) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = str(value)
    if len(text) <= letters:
        return text
    return f"…{text[-letters:]}" if name in _KEPT_AT_THE_END else f"{text[:letters]}…"


def _as_text(level: str, fields: dict[str, Any], at: float) -> bytes:
    """Return an event for a person: its message, or its fields where it has none."""
    when = dt.datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
    said = fields.get("message") or " ".join(f"{name}={value}" for name, value in fields.items())
    trace = str(fields.get("trace", "")).split("\n")
    first = f"{when} {level if level != 'info' else ''} {said}".replace("  ", " ")
    shown = "\n".join(_printable(part) for part in [first, *trace]).rstrip()
    return shown.encode("utf-8", "replace") + b"\n"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
