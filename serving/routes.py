"""Routes that tell an item's id from the rest of the path, whatever is in it."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Match, Route
from starlette.types import Scope


class _ItemIdConvertor(Convertor[str]):
    """An item's id as sent: one segment, percent-encoded; plain slashes are borne with."""

    regex = ".+"

    def convert(self, value: str) -> str:
        return unquote(value, errors="replace")

    def to_string(self, value: str) -> str:
        raise NotImplementedError


register_url_convertor("item_id", _ItemIdConvertor())


class AsSentRoute(Route):
    """A route matched on the path as it was sent, before `%2F` became a slash.

    So the item `a/similar` (`a%2Fsimilar`) and the look-alikes of `a` (`a/similar`) differ.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match like any route, but on the path that is still percent-encoded."""
        if scope["type"] != "http":
            return Match.NONE, {}
        sent = scope["raw_path"].decode("ascii", "replace")
        return super().matches({**scope, "path": sent})
