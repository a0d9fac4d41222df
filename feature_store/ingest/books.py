"""What the ledger says of addresses, and what it will say after another look at them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from feature_store.ingest.retry import is_due
from feature_store.ingest.settings import IngestSettings
from feature_store.schemas import PASSING_REASONS


class Entry(NamedTuple):
    """What a ledger row says of the image at an address; `reason` is None if it is indexed."""

    image_id: str | None
    reason: str | None
    detail: str | None
    fingerprint: str | None
    attempts: int | None
    tried_at: dt.datetime | None

    @property
    def indexed(self) -> bool:
        """Whether the image could be used."""
        return self.reason is None

    @classmethod
    def by_address(cls, rows: Iterable[Mapping[str, Any]]) -> dict[str, Entry]:
        """Read ledger rows (schema LEDGER), the last one of each address."""
        return {row["image_uri"]: cls(*(row[name] for name in cls._fields)) for row in rows}


@dataclass(frozen=True)
class Look:
    """What a look at an address came to: an image, a failure, or both."""

    image_id: str | None = None
    fingerprint: str | None = None
    reason: str | None = None
    detail: str | None = None


class Books:
    """Keeps the books on addresses: same finding, same row, so that a rerun writes nothing.

    `attempts` counts the runs that asked in vain since the image last could be used, however many
    requests each of them took; a run before the back-off is over does not count.
    """

    def __init__(
        self,
        stored: Mapping[str, Entry],
        tried: Mapping[str, Entry],
        requeued: Collection[str],
        now: dt.datetime,
        settings: IngestSettings,
    ) -> None:
        """Take what is stored, what an earlier try of this run found, and who was requeued."""
        self._stored = stored
        self._tried = {uri: entry for uri, entry in tried.items() if entry.indexed}
        self._requeued = requeued
        self._now = now
        self._settings = settings

    def known(self, uri: str) -> Entry | None:
        """Return what is known of an address, best of all that it can be used."""
        return self._tried.get(uri) or self._stored.get(uri)

    def is_requeued(self, uri: str) -> bool:
        """Tell whether a person wants the address looked at, whatever is known of it."""
        return uri in self._requeued

    def note(self, uri: str, look: Look) -> Entry:
        """Return what the ledger says of an address after a look at it."""
        return self._used(uri, look) if look.reason is None else self._failed(uri, look)

    def _used(self, uri: str, look: Look) -> Entry:
        known = self.known(uri)
        if known and known.indexed and _source(known) == _source(look):
            return known
        return self._new(look, 1 + self._vain(uri))

    def _failed(self, uri: str, look: Look) -> Entry:
        before = self._stored.get(uri)
        if before is None or before.indexed or uri in self._requeued:
            return self._new(look, 1)
        passing = look.reason in PASSING_REASONS and before.reason in PASSING_REASONS
        if not passing and (before.reason != look.reason or _source(before) != _source(look)):
            return self._new(look, 1)
        due = is_due(before.reason, before.attempts, before.tried_at, self._now, self._settings)
        return self._new(look, 1 + self._vain(uri)) if passing and due else before

    def _vain(self, uri: str) -> int:
        before = self._stored.get(uri)
        if before is None or before.indexed or uri in self._requeued:
            return 0
        return before.attempts or 1

    def _new(self, look: Look, attempts: int) -> Entry:
        return Entry(look.image_id, look.reason, look.detail, look.fingerprint, attempts, self._now)


def _source(seen: Entry | Look) -> tuple[str | None, str | None]:
    return seen.image_id, seen.fingerprint
