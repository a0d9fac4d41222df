"""A worker's place: who has it, and when it may be taken again by another."""

from __future__ import annotations

from dataclasses import dataclass

SOON_SECONDS = 0.1
"""How long a place stays empty after a worker that served for a while."""
_LATEST_SECONDS = 30.0
"""The longest that it stays empty, after many that died young."""
_DESERTED_SECONDS = 1.0
"""The longest that it stays empty while nobody else serves."""
_STEADY_SECONDS = 60.0
"""Who served for so long did not die young."""


@dataclass
class Place:
    """One place; times are in seconds of any steady clock.

    Whatever kills one worker after another is not fed for ever, but as long as nobody else serves,
    it is tried again and again: those who ask are waiting.
    """

    worker: int | None = None
    """The process that has it."""
    _since: float = 0.0
    _pause_seconds: float = SOON_SECONDS
    _empty_seconds: float = 0.0

    def take(self, worker: int, now: float) -> None:
        """Give it to a process."""
        self.worker, self._since = worker, now

    def leave(self, now: float) -> None:
        """Note that its process has ended, or that none could be started."""
        if now - self._since > _STEADY_SECONDS:
            self._pause_seconds = SOON_SECONDS
        self._empty_seconds = self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, _LATEST_SECONDS)
        self.worker, self._since = None, now

    def may_be_taken(self, now: float, *, deserted: bool) -> bool:
        """Whether it is empty for long enough; `deserted`: whether all places are empty."""
        most = _DESERTED_SECONDS if deserted else _LATEST_SECONDS
        return self.worker is None and now - self._since >= min(self._empty_seconds, most)
