"""The published artefact: how it is written, opened, searched, and which one is live.

In the order in which a bundle meets them:
- its form: `format` (manifest and digests), `sound` (what contradicts itself),
  `older` (earlier formats), `tables`, `write`;
- opening it: `mapped` and `ids` (tables, arrays, item ids), `projection`, `stored` (vectors),
  `nearest` (graph and exact comparison), `segment`, `columns` and `filters`, `scores` (what a
  cosine is worth), `lease`, `open`;
- what has changed since: `tier`, `facets` and `view` (both as one), `tiers` and `tiers_remote`;
- searching it: `rules`, `hits` (which of the candidates), `scan` (all compared), `ways` (which is
  quickest), `stand_ins`, `counted` (values of hits), `search` (the `Searcher`);
- which one is live: `records`, `journal`, `pointers`, `removal`, `registry` (in a folder),
  `transfer`, `remote_pointer`, `remote` (in a bucket), `opening` (which of the two).

Needs numpy, pyarrow and ngt, and google-cloud-storage for gs:// alone: the lookup service imports
nothing else of the library.
"""

from feature_store.bundle.counted import Between, Counted
from feature_store.bundle.filters import Filter, parse_filter
from feature_store.bundle.format import Manifest
from feature_store.bundle.hits import Hit
from feature_store.bundle.nearest import Nearest
from feature_store.bundle.open import Bundle, open_bundle
from feature_store.bundle.opening import Registry, open_registry
from feature_store.bundle.records import BundleRow
from feature_store.bundle.registry import BundleRegistry
from feature_store.bundle.remote import RemoteRegistry
from feature_store.bundle.rules import AtMost, Rules, parse_at_most
from feature_store.bundle.search import Answer, Searcher

__all__ = [
    "Answer",
    "AtMost",
    "Between",
    "Bundle",
    "BundleRegistry",
    "BundleRow",
    "Counted",
    "Filter",
    "Hit",
    "Manifest",
    "Nearest",
    "Registry",
    "RemoteRegistry",
    "Rules",
    "Searcher",
    "open_bundle",
    "open_registry",
    "parse_at_most",
    "parse_filter",
]
