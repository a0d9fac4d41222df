"""The connection to a Vald cluster: what this project asks of its gateway, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType

from feature_store.engines.neighbours import Floats
from feature_store.engines.vald.calls import Caller, Pace, Settled, Verb, shortened
from feature_store.errors import EngineError

_ADDRESS = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}")

METADATA_BYTES = 1 << 20
"""Vald quotes whole vectors in its refusals; gRPC would take 8 kB, and fail in its own way."""

LISTING_SECONDS = 3600.0
"""How long a cluster may take to list all that it holds."""


class Cluster:
    """A Vald cluster by the address of its gateway. Use it as a context manager."""

    def __init__(self, address: str, pace: Pace | None = None, *, tls: bool = False) -> None:
        """Prepare the connection to `host:port`, encrypted if wished; nothing is sent yet.

        Raises EngineError for an impossible address, or where Vald's client is not installed.
        """
        if not _ADDRESS.fullmatch(address):
            raise EngineError(f"{address!r} is no address of a Vald gateway; write host:port")
        try:
            import grpc
            from vald.v1.payload import payload_pb2
            from vald.v1.vald import (
                index_pb2_grpc,
                object_pb2_grpc,
                remove_pb2_grpc,
                search_pb2_grpc,
                upsert_pb2_grpc,
            )
        except ModuleNotFoundError as error:
            raise EngineError(
                f"{error.name} is not installed here: pip install vald-client-python"
            ) from error
        self.address = address
        self.pace = pace or Pace()
        self._payload = payload_pb2
        options = [
            ("grpc.max_metadata_size", METADATA_BYTES),
            ("grpc.absolute_max_metadata_size", METADATA_BYTES),
        ]
        if tls:
            safe = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(address, safe, options)
        else:
            self._channel = grpc.insecure_channel(address, options)
        upsert = upsert_pb2_grpc.UpsertStub(self._channel)
        remove = remove_pb2_grpc.RemoveStub(self._channel)
        codes = grpc.StatusCode
        self._upsert = Verb(upsert.StreamUpsert, upsert.Upsert, codes.ALREADY_EXISTS)
        self._remove = Verb(remove.StreamRemove, remove.Remove, codes.NOT_FOUND)
        self._objects = object_pb2_grpc.ObjectStub(self._channel)
        self._searches = search_pb2_grpc.SearchStub(self._channel)
        self._index = index_pb2_grpc.IndexStub(self._channel)
        self._error = grpc.RpcError
        self._caller = Caller(address, self.pace)

    def __enter__(self) -> Cluster:
        """Return the cluster itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """End every call and every pause; whoever waits for one gets an EngineError."""
        self._caller.stop()
        self._channel.close()

    def upsert(self, names: Iterable[str], vectors: Floats) -> Settled:
        """Store vectors, float32 (n, dim), under their ids, in place of what was there.

        Counted as `already` are those that the cluster holds just so.
        """
        make = self._payload.Upsert.Request
        requests = {
            name: make(vector=self._payload.Object.Vector(id=name, vector=vector.tolist()))
            for name, vector in zip(names, vectors, strict=True)
        }
        return self._caller.settle(self._upsert, requests)

    def remove(self, names: Iterable[str]) -> Settled:
        """Remove vectors; counted as `already` are those that are not there."""
        make, id_of = self._payload.Remove.Request, self._payload.Object.ID
        requests = {name: make(id=id_of(id=name)) for name in names}
        return self._caller.settle(self._remove, requests)

    def names(self) -> Iterator[str]:
        """Yield the id of every vector that the cluster holds, more than once if it is copied.

        Vald has no list of ids alone: all vectors travel. Raises EngineError where that fails.
        """
        asked = self._payload.Object.List.Request()
        try:
            for answer in self._objects.StreamListObject(asked, timeout=LISTING_SECONDS):
                if answer.WhichOneof("payload") == "vector":
                    yield answer.vector.id
        except self._error as error:
            said = f"{error.code().name}: {shortened(error.details())}"
            raise EngineError(
                f"Vald at {self.address} does not list what it holds ({said})"
            ) from error

    def search(self, vector: Floats, k: int) -> list[tuple[str, float]]:
        """Return the ids of the k nearest vectors and their distances, as the cluster has them."""
        config = self._payload.Search.Config(
            num=k, radius=-1.0, epsilon=0.1, timeout=int(self.pace.deadline_seconds * 1e9)
        )
        request = self._payload.Search.Request(vector=vector.tolist(), config=config)
        found = self._caller.once(self._searches.Search, request)
        return [(result.id, result.distance) for result in found.results]

    def count(self) -> int:
        """Return how many vectors are in the cluster's indexes, copies included."""
        info = self._caller.once(self._index.IndexInfo, self._payload.Empty())
        return int(info.stored)
