"""How long an answer is good for: as long as bundle, tier and this program stay the same."""

from __future__ import annotations

import zlib
from importlib.metadata import version

from serving.answers import Answers
from serving.settings import ServingSettings


class Caching:
    """The ETag and the Cache-Control of what is answered from a bundle."""

    def __init__(self, settings: ServingSettings) -> None:
        self._age = settings.cache_seconds
        self._program = version("nitamono")
        if settings.popularity:  # answers with stand-ins follow from it, too
            self._program += f"-{zlib.crc32(settings.popularity.encode()):08x}"

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
