"""Every error Nitamono raises on purpose, in one tree.

    NitamonoError
    ├── SettingsError          a setting is missing or out of range
    ├── CatalogueError         a catalogue cannot be read at all (file, column)
    ├── ImageError             one image cannot be used; carries a ledger reason, never stops a run
    ├── VisionError            a model cannot be loaded or gave an unusable answer
    ├── StoreError             the feature store refused a read or a write
    │   └── CommitConflictError  somebody else replaced the same partition meanwhile
    ├── StorageError           a bucket refused, changed meanwhile, or cannot be reached
    ├── GateError              a quality gate failed; carries the failed checks
    ├── ApprovalError          so much would change that a person has to agree first
    ├── IndexBuildError        an index could not be built from these vectors
    ├── FreshTierError         a fresh tier cannot hold what changed, or would be of another store
    ├── BundleError            a bundle is missing, damaged or of an unknown format
    │   └── NoBundleError      nothing has been published yet
    ├── EngineError            a search engine on other machines refused, or cannot be reached
    ├── FilterError            a filter is malformed or names an attribute that no item has
    └── UnknownItemError       the asked item or region is not in the bundle

A message says what was wrong, with which item or file, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class NitamonoError(Exception):
    """The root of the tree: catch this to catch everything raised on purpose."""


class SettingsError(NitamonoError):
    """A setting is missing, malformed or out of range."""


class CatalogueError(NitamonoError):
    """A catalogue cannot be read at all: the file is missing, or a required column is."""


class ImageError(NitamonoError):
    """One image cannot be used; `reason` is one of `feature_store.schemas.REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[ImageError], tuple[str, str]]:
        return (ImageError, (self.reason, self.detail))


class VisionError(NitamonoError):
    """A model cannot be loaded, or gave an answer of the wrong shape."""


class StoreError(NitamonoError):
    """The feature store refused a read or a write."""


class CommitConflictError(StoreError):
    """Another writer replaced the same partition meanwhile; reload and retry."""


class StorageError(NitamonoError):
    """A bucket or an object in it cannot be used; `reason` says why in one word.

    `address` (no possible bucket or object), `missing`, `denied`, `changed` (its generation is not
    the expected one), `too_large`, `timed_out` or `unreachable`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[StorageError], tuple[str, str]]:
        return (StorageError, (self.reason, self.detail))


class GateError(NitamonoError):
    """A quality gate failed; `failures` names each failed check in a sentence."""

    def __init__(self, gate: str, failures: Sequence[str]) -> None:
        listed = "\n".join(f"  - {failure}" for failure in failures)
        super().__init__(f"the {gate} gate failed; nothing was changed:\n{listed}")
        self.gate = gate
        self.failures = tuple(failures)


class ApprovalError(NitamonoError):
    """A bundle would change more than `compare.max_churn` allows, and nobody has agreed to it."""


class IndexBuildError(NitamonoError):
    """An index could not be built from these vectors."""


class FreshTierError(NitamonoError):
    """More has changed than a fresh tier may hold, or the bundle was not built from this store."""


class BundleError(NitamonoError):
    """A bundle is missing, damaged or of an unknown format version."""


class NoBundleError(BundleError):
    """Nothing has been published yet."""


class EngineError(NitamonoError):
    """A search engine on other machines refused, or cannot be reached."""


class FilterError(NitamonoError):
    """A filter is malformed, or names an attribute that no item has."""


class UnknownItemError(NitamonoError):
    """The asked item or region is not in the bundle."""
