"""Which store holds the features, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass

from feature_store.errors import SettingsError, StorageError
from feature_store.storage import Address, parse_address

STORES = ("delta", "bigquery")

_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_REGION = re.compile(r"[A-Za-z0-9-]{0,40}")


@dataclass(frozen=True)
class TablesSettings:
    """Which store holds the features, and where; SettingsError for a value out of range."""

    store: str = "delta"
    """What the store is made of: delta (files), or bigquery."""

    location: str = ""
    """The folder or URL of the Delta tables; empty: `store` under NITAMONO_HOME."""

    project: str = ""
    """The Google Cloud project whose BigQuery holds the features, and pays for the queries."""

    dataset: str = ""
    """The BigQuery dataset of the features, of no other tables; made where it is missing."""

    region: str = ""
    """Where that dataset is, as EU or europe-west1; empty: where Google makes it."""

    staging: str = ""
    """The gs://bucket/prefix under which a day's Parquet files lie while BigQuery loads them."""

    def __post_init__(self) -> None:
        """Check every value."""
        if self.store not in STORES:
            raise SettingsError(f"tables settings: store is {self.store!r}; write one of {STORES}")
        if self.store == "bigquery":
            _check_bigquery(self)

    @property
    def staging_address(self) -> Address:
        """The bucket and the prefix of `staging`; StorageError if it names none."""
        return parse_address(self.staging, prefix=True)


def _check_bigquery(settings: TablesSettings) -> None:
    # These become part of SQL texts, and nothing else of what anyone writes does.
    for name, pattern in (("project", _PROJECT), ("dataset", _DATASET), ("region", _REGION)):
        value = getattr(settings, name)
        if not pattern.fullmatch(value):
            raise SettingsError(
                f"tables settings: {name} is {value!r}; a store in BigQuery needs the {name}'s name"
            )
    try:
        _ = settings.staging_address
    except StorageError as error:
        raise SettingsError(
            f"tables settings: staging is {settings.staging!r}; a store in BigQuery needs a "
            f"gs://bucket/prefix ({error.detail})"
        ) from error
