"""What look-alikes can be asked of: an item, a region, a vector, or items liked and disliked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from feature_store.bundle.nearest import Floats
from feature_store.bundle.rules import Rules
from feature_store.bundle.search import Answer, Searcher
from feature_store.errors import UnknownItemError
from serving.problems import ProblemError


class Question(Protocol):
    """What is asked about, by one of the searcher's ways."""

    @property
    def item_id(self) -> str | None:
        """The item that is asked about, if it is one."""
        ...

    def ask(self, searcher: Searcher, rules: Rules) -> Answer:
        """Return the look-alikes; UnknownItemError, FilterError, and ProblemError for the rest."""
        ...


class ByItem(NamedTuple):
    """The look-alikes of an item, by one of its regions or by its main one."""

    item_id: str
    region_id: str | None = None

    def ask(self, searcher: Searcher, rules: Rules) -> Answer:
        """Return the look-alikes."""
        return searcher.similar(self.item_id, rules, region_id=self.region_id)


@dataclass(frozen=True)
class ByRegion:
    """The look-alikes of a region, whosever it is."""

    region_id: str

    @property
    def item_id(self) -> str | None:
        """None: the region's item is the searcher's to find."""
        return None

    def ask(self, searcher: Searcher, rules: Rules) -> Answer:
        """Return the look-alikes."""
        try:
            return searcher.by_region(self.region_id, rules)
        except UnknownItemError as error:
            raise ProblemError(404, "unknown-region", str(error)) from error


@dataclass(frozen=True)
class ByVector:
    """What looks like a feature vector, float32 (dim,), of the bundle's extractor."""

    vector: Floats

    @property
    def item_id(self) -> str | None:
        """None: a vector is nobody's."""
        return None

    def ask(self, searcher: Searcher, rules: Rules) -> Answer:
        """Return the look-alikes."""
        dim = searcher.bundle.manifest.dim
        try:
            return searcher.by_vector(self.vector, rules)
        except ValueError as error:
            allowed = f"{dim} finite numbers, not all 0, as the bundle's extractor makes them"
            detail = f"vector cannot be used: {error}"
            raise ProblemError(
                400, "bad-parameter", detail, parameter="vector", allowed=allowed
            ) from error


@dataclass(frozen=True)
class ByItems:
    """What looks like some items and unlike others."""

    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()

    @property
    def item_id(self) -> str | None:
        """None: they are several."""
        return None

    def ask(self, searcher: Searcher, rules: Rules) -> Answer:
        """Return the look-alikes."""
        return searcher.by_items(self.positive, self.negative, rules)
