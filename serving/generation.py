"""A generation: the bundles that a leader and its workers answer from, and how they are loaded."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import socket
from dataclasses import dataclass
from typing import Any

from feature_store.bundle.registry import BundleRegistry
from feature_store.errors import NitamonoError
from serving.answers import Answers
from serving.board import Board
from serving.counters import Counters
from serving.processes import gently
from serving.served import Served
from serving.settings import ServingSettings
from serving.watch import Watch

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generation:
    """What a leader is told: which bundles, and what it shares with all other processes."""

    bundle_id: str
    canary_id: str | None
    needs_canary: bool
    """Whether the canary is what it is for: the bundle is served already."""
    gently: bool
    """Whether others serve meanwhile, who need the processors more."""
    settings: ServingSettings
    listener: socket.socket
    board: Board
    report_to: int
    """The descriptor on which it says, in one line of JSON, whether its workers serve."""

    def report(self, **said: Any) -> None:
        """Tell the supervisor, if it still listens."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.report_to, json.dumps(said).encode() + b"\n")


@dataclass(frozen=True)
class Loaded:
    """What came of loading a generation."""

    served: Served
    canary_refused: str | None
    """Why the canary cannot be had, if it cannot."""


def load(generation: Generation, counters: Counters) -> Loaded | None:
    """Load and verify the bundles, and their tiers; None, having reported why, where that fails."""

    def run() -> Loaded | None:
        loaded = _load_both(generation, counters)
        gc.collect()  # of what loading has left; what lives now lives on
        return loaded

    return gently(run) if generation.gently else run()


def _load_both(generation: Generation, counters: Counters) -> Loaded | None:
    canary, refused = _load_canary(generation)
    if generation.needs_canary and canary is None:
        generation.report(canary_refused=refused)
        return None
    try:
        live = _load(generation, generation.bundle_id, shelf=generation.settings.demo)
    except NitamonoError as error:
        generation.report(refused=str(error))
        return None
    except Exception as error:
        generation.report(refused=f"{generation.bundle_id} cannot be loaded: {error!r}")
        raise
    served = Served(live, canary)
    Watch(generation.settings.folder, served, counters).look()
    return Loaded(served, refused)


def _load(generation: Generation, bundle_id: str, *, shelf: bool) -> Answers:
    settings = generation.settings
    bundle = BundleRegistry(settings.folder).open(bundle_id)
    return Answers(bundle, shelf=shelf, popularity=settings.popularity)


def _load_canary(generation: Generation) -> tuple[Answers | None, str | None]:
    """Load the canary, if there is one; return it, or why it cannot be had."""
    if generation.canary_id is None:
        return None, None
    try:
        return _load(generation, generation.canary_id, shelf=False), None
    except NitamonoError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - no canary, however broken, is in the live one's way
        _LOG.exception("the canary %s", generation.canary_id)
        return None, f"{generation.canary_id} cannot be loaded: {error!r}"
