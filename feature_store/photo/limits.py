"""How much a photo may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Limits(Protocol):
    """What decoding goes by."""

    @property
    def working_long_side_px(self) -> int:
        """The long side to which larger photos are reduced."""

    @property
    def min_side_px(self) -> int:
        """The shortest side in which anything can be seen."""

    @property
    def max_pixels(self) -> int:
        """The most pixels of a photo, checked before decoding."""


@dataclass(frozen=True)
class PhotoLimits:
    """What a photo of a stranger may be; the pipeline's own are in its images stage."""

    working_long_side_px: int = 1024
    """The long side to which larger photos are reduced."""

    min_side_px: int = 16
    """The shortest side in which anything can be seen."""

    max_pixels: int = 25_000_000
    """The most pixels of a photo, checked before decoding; up to sixteen bytes of memory each."""
