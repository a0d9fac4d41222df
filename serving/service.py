"""What one worker answers from: the parts that the HTTP door is put together from."""

from __future__ import annotations

from dataclasses import dataclass

from serving.board import Board
from serving.counters import Counters
from serving.doors import Events, Photos
from serving.observed import Draining
from serving.served import Served
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Service:
    """What one worker answers from: what is `served` may change, the counters are its own."""

    served: Served
    settings: ServingSettings
    board: Board
    counters: Counters
    draining: Draining
    photos: Photos | None = None
    """Answers photos; None where the service does not."""
    events: Events | None = None
    """Takes what shoppers did; None where the service does not."""
