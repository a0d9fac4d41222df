"""Two bundles side by side: what changed in their answers, why, and which of them is better.

In the order in which a comparison meets them: `opening` (two bundles by their names), `sides` (what
each says, in one numbering), `churn` (which look-alikes are others), `causes` (why), `comparison`
(what was found, as plain values) and `figures` (how), `pictures` and `page` (the contact sheet),
`report` (all of it, written for people). `trials` are put before a person who says which bundle is
better, on the page of `judge`; `judgements` keeps and tallies what was said.
"""

from feature_store.compare.comparison import CAUSES, Comparison, explain
from feature_store.compare.report import compare_bundles, compare_with_live, require_approval

__all__ = [
    "CAUSES",
    "Comparison",
    "compare_bundles",
    "compare_with_live",
    "explain",
    "require_approval",
]
