"""Which extractors a home uses: the one that answers, and those that are kept beside it.

`state` (what `models.json` says, and how it is read and written), `registry` (what changes it).
"""

from feature_store.models.registry import ModelRegistry
from feature_store.models.state import Active, ExtractorsInUse, Switch

__all__ = ["Active", "ExtractorsInUse", "ModelRegistry", "Switch"]
