"""The fresh tier: what changed since the live bundle was built, searchable within a minute.

In the order in which a change meets them: `settings`, `changes` (what is not as the bundle has
it), `vectors` (of the new regions alone), `subjects` (what each new photo sells), `write` (a tier,
named for its content), `places` (a folder or a bucket), `refresh` (all of it).
"""

from feature_store.fresh.refresh import Refresh, refresh

__all__ = ["Refresh", "refresh"]
