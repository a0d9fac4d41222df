"""The gate of a model upgrade: vectors added to rows which passed the batch gate before."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from feature_store.quality.batch_rules import distinct_rule, feature_rules
from feature_store.quality.frames import distinct_share, features_frame
from feature_store.quality.report import GateReport
from feature_store.quality.rules import hold_against
from feature_store.quality.settings import QualitySettings


def check_vectors(
    features: pa.Table, dims: Mapping[str, int], settings: QualitySettings
) -> GateReport:
    """Hold new features (schema FEATURES) of the extractors `dims` against the settings.

    `dims` maps an extractor's identity to its vectors' length. Every rule of the batch gate that is
    about a vector, and that there are enough distinct ones.
    """
    import pandas as pd

    frame = features_frame(features, dims)
    totals = pd.DataFrame([{"distinct_share": distinct_share(frame)}])
    rules = [*feature_rules(settings), distinct_rule(settings)]
    return GateReport("upgrade", hold_against(rules, {"features": frame, "totals": totals}))
