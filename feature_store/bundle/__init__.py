"""The published artefact: how it is written, opened, searched, and which one is live.

In the order in which a bundle meets them: `format` (manifest and digests), `write`, `projection`
and `filters` (what a search needs), `nearest` (graph and exact comparison), `lease`, `open`,
`search` (the `Searcher`), `records` and `registry` (publish, roll back, in a folder), `transfer`
and `remote` (the same in a bucket), `opening` (which of the two). Needs numpy, pyarrow and ngt, and
google-cloud-storage for gs:// alone: the lookup service imports nothing else of the library.
"""

from feature_store.bundle.filters import Filter, parse_filter
from feature_store.bundle.format import Manifest
from feature_store.bundle.hits import Hit
from feature_store.bundle.nearest import Nearest
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.bundle.opening import Registry, open_registry
from feature_store.bundle.records import BundleRow
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.bundle.search import Answer, Searcher

__all__ = [
    "Answer",
    "Bundle",
    "BundleRegistry",
    "BundleRow",
    "Filter",
    "Hit",
    "Manifest",
    "Nearest",
    "Registry",
    "RemoteRegistry",
    "Searcher",
    "open_bundle",
    "open_registry",
    "parse_filter",
]
