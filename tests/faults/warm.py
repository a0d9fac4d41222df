"""Imports what the victims import, so that each of them is forked in a moment.

Nothing is called: NGT's and Delta's threads do not survive a fork, so none may have been started.
"""

from __future__ import annotations

import deltalake
import great_expectations
import great_expectations.expectations
import ngtpy
import pandas as pd
import PIL.Image
import PIL.ImageDraw
import pyarrow.dataset
import pyarrow.parquet

import feature_store.images.loader
import feature_store.images.thumbnails
import feature_store.ingest
import feature_store.nightly
import feature_store.photo.regions
import feature_store.tables.delta
import feature_store.vision.models

WARM = (
    *(deltalake, great_expectations, ngtpy, pd, PIL, pyarrow, feature_store),
    *(great_expectations.expectations, PIL.Image, PIL.ImageDraw),
)
"""Named, so that no reader and no linter takes the imports for idle ones."""
