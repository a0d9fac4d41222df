"""The published artefact: how it is written, opened, searched, and which one is live.

In the order in which a bundle meets them: `format` (manifest and digests), `write`, `projection`
and `filters` (what a search needs), `nearest` (graph and exact comparison), `open`, `search` (the
`Searcher`), `registry` (publish, roll back). Needs numpy, pyarrow and ngt only: the lookup service
imports nothing else of the library.
"""

from feature_store.bundle.filters import Filter, parse_filter
from feature_store.bundle.format import Manifest
from feature_store.bundle.nearest import Nearest
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.bundle.registry import BundleRegistry, BundleRow
from feature_store.bundle.search import Answer, Hit, Searcher

__all__ = [
    "Answer",
    "Bundle",
    "BundleRegistry",
    "BundleRow",
    "Filter",
    "Hit",
    "Manifest",
    "Nearest",
    "Searcher",
    "open_bundle",
    "parse_filter",
]
