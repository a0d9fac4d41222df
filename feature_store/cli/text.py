"""Text of strangers, made fit for a terminal; and figures, made fit for people."""

from __future__ import annotations

import click

from feature_store.schemas import DataInterval

_LONGEST = 200
_STEPS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def plain(text: str | None) -> str:
    """Return catalogue text without rich markup or control characters, and not too long."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in text or "")
    return shown[:_LONGEST].replace("[", r"\[")


def day_of(text: str) -> str:
    """Return a day that somebody has typed; click.BadParameter if it is none."""
    try:
        return DataInterval.day(text).ds
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not a date; write YYYY-MM-DD") from error


def sized(bytes_: int) -> str:
    """Return a size as people say it: "12.3 MB"."""
    value = float(bytes_)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} GB"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: "1 item", "2 items"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def aged(seconds: float) -> str:
    """Return how long ago something was, as people say it: "3 hours ago"."""
    for length, name in _STEPS:
        if seconds >= length:
            return f"{counted(int(seconds / length), name)} ago"
    return "just now"


def share(part: int, whole: int) -> str:
    """Return a share as people say it, " (99.9 %)": 100 % only if nothing is missing."""
    if not whole:
        return ""
    tenths = 1000 * part // whole
    return f" ({tenths / 10:g} %)"
