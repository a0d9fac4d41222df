"""Two bundles side by side: what changed in their answers, why, and which of them is better.

In the order in which a comparison meets them: `opening` (two bundles by their names), `sides` (what
each says, as arrays in one numbering), `churn` (which look-alikes are others), `causes` (why),
`comparison` (the figures, and the items worth a look), `pictures` and `page` (the contact sheet),
`report` (all of it, written for people). `judgements` and `judge` let a person say which is better.
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
