"""What is still good enough to enter the store, and to be published."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from feature_store.errors import SettingsError
from feature_store.quality.index_gate import IndexGate, read_index_gate


@dataclass(frozen=True)
class QualitySettings:
    """The limits of both gates; SettingsError for one out of range."""

    min_indexed_share: float = 0.9
    """A batch needs at least this share (0..1) of its images indexed."""

    tolerated_failed_images: int = 20
    """So few failed images never stop a batch, if they are at most a third of its images, or of the
    live items where those are more: a few bad photos must not stop a small shop or a quiet day."""

    max_invalid_row_share: float = 0.5
    """A batch fails if more than this share (0..1) of the catalogue's rows cannot be used."""

    max_deleted_share: float = 0.3
    """A batch fails if it deletes more than this share (0..1) of the items that were live."""

    max_norm_error: float = 0.001
    """A vector's L2 norm may differ from 1 by at most this."""

    min_distinct_vector_share: float = 0.5
    """A batch needs at least this share (0..1) of distinct vectors among its distinct regions; an
    extractor that describes everything alike has next to none."""

    index_gate: str = ""
    """A TOML file of the index gate's thresholds that says what differs from the packaged
    index_gate.toml; empty takes that one as it is."""

    def __post_init__(self) -> None:
        """Check every range, and the file of thresholds where one is named."""
        if self.index_gate:  # a task may run in another folder than the one it was started in
            object.__setattr__(self, "index_gate", str(Path(self.index_gate).absolute()))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "index_gate":
                if value:
                    self.read_index_gate()
            elif field.name == "tolerated_failed_images":
                if value < 0:
                    raise SettingsError(f"quality settings: {field.name} must not be negative")
            elif not 0.0 <= value <= 1.0:
                raise SettingsError(f"quality settings: {field.name} must be between 0 and 1")

    def read_index_gate(self) -> IndexGate:
        """Read the thresholds of the index gate; SettingsError naming the key that is wrong."""
        return read_index_gate(self.index_gate)
