"""The registry of extractors: what the settings want is one thing, what answers another.

A new extractor in the settings is first *kept*: every new image is described under it too, while an
upgrade fills in the past. Only a switch, with nothing missing, lets it answer.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from feature_store.errors import StoreError
from feature_store.models.state import (
    Active,
    ExtractorsInUse,
    State,
    Switch,
    read_state,
    write_state,
)

log = logging.getLogger(__name__)

FILE, LOCK = "models.json", ".models.lock"


class ModelRegistry:
    """The file `models.json` of a home. Readers need no lock, writers take one."""

    def __init__(self, home: Path) -> None:
        """Name the home; nothing is read or written yet."""
        self._path = home / FILE

    def in_use(self, configured: str) -> ExtractorsInUse:
        """Return the extractors to describe images under; the settings want `configured`.

        The first ever becomes the active one. One that the settings name later is kept beside it
        from now on, unless a person has turned away from it. StoreError if the file is damaged.
        """
        state = read_state(self._path)
        if state is not None and _admit(state, configured) == state:
            return state.in_use
        with self._changing(configured) as draft:
            return draft.state.in_use

    def look(self, configured: str) -> State:
        """Return what `in_use` would go by, without writing anything."""
        return _admit(read_state(self._path) or State(Active(configured)), configured)

    def active_identity(self) -> str | None:
        """Return the identity of the active extractor; None if no switch has recorded one."""
        state = read_state(self._path)
        return state.active.identity or None if state else None

    def history(self) -> list[Switch]:
        """Return every switch and undo, oldest first."""
        state = read_state(self._path)
        return list(state.history) if state else []

    def keep(self, model: str, configured: str) -> None:
        """Describe new images under `model` too, from now on; a person may have declined it."""
        with self._changing(configured) as draft:
            state = draft.state
            if model != state.active.model and model not in state.kept:
                draft.state = replace(
                    state, kept=(*state.kept, model), declined=_without(state.declined, model)
                )

    def switch(
        self,
        to: Active,
        before: Active,
        counted: tuple[int, int],
        *,
        by_hand: bool,
        at: dt.datetime | None = None,
    ) -> None:
        """Let the extractor `to` answer; the former one stays kept, so that an undo lacks nothing.

        `before` is what the caller took for active: StoreError if another is by now. `counted` is
        how many images of how many are described under `to`. What a person (`by_hand`) leaves is
        declined, what a person chooses is not any more.
        """
        with self._changing(before.model) as draft:
            state = draft.state
            if state.active.model != before.model:
                raise StoreError(
                    f"{state.active.model} answers by now, not {before.model}: somebody else has "
                    "switched meanwhile; look at 'nitamono models'"
                )
            declined = _without(state.declined, to.model) if by_hand else state.declined
            kept = _without(state.kept, to.model)
            if before.model != to.model:
                kept = (before.model, *kept)
                declined = (*declined, before.model) if by_hand else declined
            switch = Switch(_now(at), "switch", by_hand, to.model, to.identity, before, *counted)
            draft.state = State(
                to, kept, declined, (*state.former, before), (*state.history, switch)
            )

    def undo(
        self,
        counted: tuple[int, int],
        *,
        expected: Active | None = None,
        at: dt.datetime | None = None,
    ) -> str:
        """Let the former extractor answer again; the undone one is kept no more, and declined.

        `counted` is how many images of how many are described under the former one, and `expected`
        whom the caller took for it: StoreError if it is another by now. Returns its name;
        StoreError if there was no switch.
        """
        with self._changing("") as draft:
            state = draft.state
            to = _former(state)
            if expected not in (None, to):
                raise StoreError(
                    f"{state.active.model} answers by now: somebody else has switched or undone "
                    "meanwhile; look at 'nitamono models'"
                )
            undone = state.active
            declined = _without(state.declined, to.model)
            if undone.model != to.model:
                declined = (*_without(declined, undone.model), undone.model)
            switch = Switch(_now(at), "undo", True, to.model, to.identity, undone, *counted)
            draft.state = State(
                active=to,
                kept=_without(state.kept, to.model),
                declined=declined,
                former=state.former[:-1],
                history=(*state.history, switch),
            )
        return to.model

    def former(self) -> Active:
        """Return the extractor that an undo goes back to; StoreError if there was no switch."""
        return _former(read_state(self._path))

    def retire(self, model: str, configured: str) -> None:
        """Describe new images under `model` no more; StoreError for the active one or an unknown.

        Its features stay in the store; no undo goes back to it, and it is declined until a person
        asks for it again.
        """
        with self._changing(configured) as draft:
            state = draft.state
            if model == state.active.model:
                raise StoreError(f"{model} answers: switch to another extractor before it goes")
            if model not in state.kept:
                listed = ", ".join(state.kept) or "none"
                raise StoreError(
                    f"{model!r} is not kept beside {state.active.model}; kept: {listed}"
                )
            draft.state = replace(
                state,
                kept=_without(state.kept, model),
                declined=(*_without(state.declined, model), model),
                former=tuple(one for one in state.former if one.model != model),
            )

    @contextmanager
    def _changing(self, configured: str) -> Iterator[_Draft]:
        """Lock the file, lend its state to be changed, and write it if it was."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = read_state(self._path)
            draft = _Draft(_admit(found or State(Active(configured)), configured))
            yield draft
            if draft.state != found:
                write_state(self._path, draft.state)
                log.info("extractors in use: %s", ", ".join(draft.state.in_use.all))


class _Draft:
    """A state that is about to be written."""

    def __init__(self, state: State) -> None:
        self.state = state


def _admit(state: State, configured: str) -> State:
    """Keep the extractor of the settings, if it is new and no person has turned away from it."""
    known = {"", state.active.model, *state.kept, *state.declined}
    return state if configured in known else replace(state, kept=(*state.kept, configured))


def _former(state: State | None) -> Active:
    if state is None or not state.former:
        raise StoreError("there was no switch of extractors that could be undone")
    return state.former[-1]


def _without(names: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != gone)


def _now(at: dt.datetime | None) -> str:
    return (at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).isoformat(timespec="seconds")
