"""What `models.json` says, and how it is read and written: whole, or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_store.errors import StoreError

FORMAT = 1


@dataclass(frozen=True)
class ExtractorsInUse:
    """The extractors under which every new image is described, named as the settings name them.

    `active` is the one that answers; `kept` are described beside it, so that a switch to them, or
    back to them, finds nothing missing.
    """

    active: str
    kept: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """The active extractor, then the kept ones."""
        return (self.active, *self.kept)


@dataclass(frozen=True)
class Active:
    """An extractor that answers or answered: its name, and its identity ("": never recorded)."""

    model: str
    identity: str = ""


@dataclass(frozen=True)
class Switch:
    """One change of the extractor that answers.

    `at` is an ISO time, `action` is `switch` or `undo`; `described` of `indexed` images of live
    items had a feature under the new one.
    """

    at: str
    action: str
    by_hand: bool
    model: str
    identity: str
    before: Active
    described: int
    indexed: int


@dataclass(frozen=True)
class State:
    """All that the registry remembers.

    `declined` are models that a person has turned away from: only a person goes back to them.
    `former` are the extractors that an undo goes back to, the latest last.
    """

    active: Active
    kept: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    former: tuple[Active, ...] = ()
    history: tuple[Switch, ...] = ()

    @property
    def in_use(self) -> ExtractorsInUse:
        """The extractors that an ingest describes images under."""
        return ExtractorsInUse(self.active.model, self.kept)


def read_state(path: Path) -> State | None:
    """Read the state; None if there is none yet, StoreError if the file is not what we wrote."""
    try:
        values = json.loads(path.read_bytes())
        if values["format"] != FORMAT:
            raise ValueError(f"its format is {values['format']!r}, this version reads {FORMAT}")
        return State(
            active=_active(values["active"]),
            kept=_names(values["kept"]),
            declined=_names(values["declined"]),
            former=tuple(_active(one) for one in values["former"]),
            history=tuple(_switch(one) for one in values["history"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} is damaged ({error!r}): put it back from a backup, or delete it, and the "
            "extractor of the settings answers as if no switch had ever been"
        ) from error


def write_state(path: Path, state: State) -> None:
    """Write the state for programs and people, atomically and for good."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **asdict(state)}, indent=2, ensure_ascii=False)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".models-", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _active(values: dict[str, Any]) -> Active:
    model, identity = values["model"], values["identity"]
    if not isinstance(model, str) or not isinstance(identity, str):
        raise TypeError(f"{values!r} does not name an extractor")
    return Active(model, identity)


def _switch(values: dict[str, Any]) -> Switch:
    return Switch(**{**values, "before": _active(values["before"])})


def _names(values: list[str]) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(name, str) for name in values):
        raise TypeError(f"{values!r} is no list of names")
    return tuple(values)
