"""The limits within which a catalogue is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CatalogueSettings:
    """How much of anything one catalogue row may hold; more rejects the row, never the run."""

    max_item_id_bytes: int = 2048
    """The longest `item_id`, in UTF-8 bytes."""

    max_field_characters: int = 20_000
    """The longest single value of any column."""

    max_row_characters: int = 1_000_000
    """The longest row of a text file; what goes beyond is skipped, not kept in memory."""

    max_images: int = 100
    """The most images one item may have."""

    batch_rows: int = 20_000
    """How many rows are held as Python objects before they become one Arrow batch."""
