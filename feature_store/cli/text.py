"""Text of strangers, made fit for a terminal."""

from __future__ import annotations

_LONGEST = 200


def plain(text: str | None) -> str:
    """Return catalogue text without rich markup or control characters, and not too long."""
    shown = "".join(letter if letter.isprintable() else "·" for letter in text or "")
    return shown[:_LONGEST].replace("[", r"\[")
