"""Queries and scripts of one dataset; what is asked for never becomes part of an SQL text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from feature_store.errors import StorageError, StoreError
from feature_store.tables.bigquery.layout import ddl, from_bigquery
from feature_store.tables.settings import TablesSettings

PARAMETER_BYTES = 4 * 2**20
"""Text that one query takes as parameters: a request may have 10 MB, quotes and names included."""

Parameters = Mapping[str, tuple[str, Any]]
"""The values of a query by name, each with its type in BigQuery; a list is an array of it."""

NONE: Parameters = MappingProxyType({})


class Warehouse:
    """A dataset of BigQuery. Credentials are found as Google's libraries find them.

    With BIGQUERY_EMULATOR_HOST set there are none.
    """

    def __init__(self, settings: TablesSettings) -> None:
        """Name the dataset; nothing is asked yet."""
        self.project = settings.project
        self.dataset = settings.dataset
        self.prefix = f"{settings.project}.{settings.dataset}"
        self._region = settings.region
        self._made = False

    @property
    def client(self) -> Any:
        """Google's client of this process."""
        return _client(self.project, self._region)

    def table(self, name: str) -> str:
        """Name a table of ours in SQL."""
        return f"`{self.prefix}.{name}`"

    def exists(self) -> bool:
        """Tell whether the tables have been made."""
        from google.api_core.exceptions import NotFound

        if not self._made:
            with asking(f"the dataset {self.prefix} cannot be opened"), suppress(NotFound):
                self.client.get_table(f"{self.prefix}.commits")
                self._made = True
        return self._made

    def create(self) -> None:
        """Make the dataset and its tables unless they are there."""
        from google.api_core.exceptions import NotFound
        from google.cloud.bigquery import Dataset

        if self.exists():
            return
        with asking(f"the dataset {self.prefix} cannot be made"):
            try:
                self.client.get_dataset(self.prefix)
            except NotFound:
                dataset = Dataset(self.prefix)
                if self._region:
                    dataset.location = self._region
                self.client.create_dataset(dataset, exists_ok=True)
        self.script(ddl(self.prefix))
        self._made = True

    def script(self, sql: str) -> None:
        """Run statements one after the other."""
        with asking("a script of BigQuery failed"):
            self.client.query(sql).result()

    def execute(self, sql: str, parameters: Parameters) -> None:
        """Run one statement that gives no rows."""
        with asking("a statement of BigQuery failed"):
            self.client.query(sql, job_config=_config(parameters)).result()

    def rows(self, sql: str, schema: pa.Schema, parameters: Parameters) -> pa.Table:
        """Return what a query gives, in the columns and types of `schema`."""
        return pa.concat_tables([schema.empty_table(), *self.stream(sql, schema, parameters)])

    def stream(self, sql: str, schema: pa.Schema, parameters: Parameters) -> Iterator[pa.Table]:
        """Yield what a query gives piece by piece, in no order, and never all of it at once."""
        with asking("a query of BigQuery failed"):
            answer = self.client.query(sql, job_config=_config(parameters)).result()
            reader = None if emulated() else _reader()
            for batch in answer.to_arrow_iterable(bqstorage_client=reader):
                yield from_bigquery(pa.Table.from_batches([batch]), schema)


def emulated() -> bool:
    """Tell whether an emulator plays BigQuery; it has no Storage API for a query's rows."""
    return bool(os.environ.get("BIGQUERY_EMULATOR_HOST"))


def pieces(values: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list of texts into such that a query takes as a parameter, each value once."""
    piece: list[str] = []
    room = PARAMETER_BYTES
    for value in dict.fromkeys(values):
        size = len(value.encode()) + 32
        if piece and size > room:
            yield piece
            piece, room = [], PARAMETER_BYTES
        piece.append(value)
        room -= size
    if piece:
        yield piece


@contextmanager
def asking(complaint: str) -> Iterator[None]:
    """Turn what Google's libraries raise into StoreError, in one line."""
    try:
        yield
    except StoreError:
        raise
    except StorageError as error:
        raise StoreError(f"{complaint}: {error.detail}") from error
    except Exception as error:
        if not _is_googles(error):
            raise
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise StoreError(f"{complaint}: {said[:500]}") from error


def _is_googles(error: Exception) -> bool:
    import requests
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    return isinstance(error, GoogleAPIError | GoogleAuthError | requests.RequestException)


def _config(parameters: Parameters) -> Any:
    from google.cloud.bigquery import QueryJobConfig

    return QueryJobConfig(query_parameters=[_parameter(*p) for p in parameters.items()])


def _parameter(name: str, value: tuple[str, Any]) -> Any:
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    kind, content = value
    make = ArrayQueryParameter if isinstance(content, list) else ScalarQueryParameter
    return make(name, kind, content)


_held: dict[tuple[str, ...], Any] = {}


def _one_for_each_process(name: str, make: Callable[[], Any]) -> Any:
    """Keep what `make` makes; a forked process must not use its parent's connections."""
    key = (name, str(os.getpid()), os.environ.get("BIGQUERY_EMULATOR_HOST", ""))
    if key not in _held:
        _held[key] = make()
    return _held[key]


def _client(project: str, region: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    def make() -> Any:
        credentials = AnonymousCredentials() if emulated() else None
        with asking("BigQuery cannot be used"):
            return Client(project=project, credentials=credentials, location=region or None)

    return _one_for_each_process(f"{project} in {region}", make)


def _reader() -> Any:
    from google.cloud.bigquery_storage import BigQueryReadClient

    return _one_for_each_process("a query's rows", BigQueryReadClient)
