"""How long an answer is good for: as long as bundle, tier and this program stay the same."""

from __future__ import annotations

import zlib
from importlib.metadata import version

from serving.answers import Answers
from serving.origins import RawHeaders
from serving.settings import ServingSettings

_KEPT = 8
"""Editions whose headers are remembered: no more are served at a time."""


class Caching:
    """The ETag and the Cache-Control of what is answered from a bundle."""

    def __init__(self, settings: ServingSettings) -> None:
        self._age = settings.cache_seconds
        self._program = version("nitamono")
        if settings.popularity:  # answers with stand-ins follow from it, too
            self._program += f"-{zlib.crc32(settings.popularity.encode()):08x}"

        self._raw: dict[str, RawHeaders] = {}

    def etag(self, answers: Answers) -> str:
        """Return the tag of everything that these answers say; of each address one answer."""
        return f'W/"{answers.edition}.{self._program}"'

    def headers(self, answers: Answers, scope: str) -> dict[str, str]:
        """Return the headers for `private` or `public` caches.

        What shows a `query_id` is private: no shared cache may hand it to another shopper.
        """
        return {
            "Cache-Control": f"{scope}, max-age={self._age}",
            "ETag": self.etag(answers),
            "Vary": "Accept-Encoding",
        }

    def raw_headers(self, answers: Answers) -> RawHeaders:
        """Return the headers for `private` caches as they are sent, in a list of their own."""
        found = self._raw.get(answers.edition)
        if found is None:
            headers = self.headers(answers, "private").items()
            found = [(name.lower().encode(), value.encode()) for name, value in headers]
            if len(self._raw) > _KEPT:
                self._raw.clear()
            self._raw[answers.edition] = found
        return found.copy()
