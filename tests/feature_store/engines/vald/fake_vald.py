"""A server that speaks Vald's protocol on a real port, keeps vectors in memory, and can fail.

What it says is modelled on Vald's load-balancing gateway: a vector that is there already is an
error ALREADY_EXISTS that quotes both, a stream is answered in any order, and a failure names its
vector in the details alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
import numpy as np
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from vald.v1.payload import payload_pb2 as payload
from vald.v1.rpc.errdetails.error_details_pb2 import RequestInfo
from vald.v1.vald import (
    index_pb2_grpc,
    object_pb2_grpc,
    remove_pb2_grpc,
    search_pb2_grpc,
    upsert_pb2_grpc,
)

OK = grpc.StatusCode.OK
Code = grpc.StatusCode


class Failed(Exception):
    """One vector's failure, as the gateway words it."""

    def __init__(self, code: Any, name: str, said: str, *, names: bool = True) -> None:
        details = []
        if names:
            details.append(AnyMessage())
            details[0].Pack(RequestInfo(request_id=name, serving_data=said))
        self.status = Status(code=code.value[0], message=said, details=details)


class FakeVald(
    upsert_pb2_grpc.UpsertServicer,
    remove_pb2_grpc.RemoveServicer,
    object_pb2_grpc.ObjectServicer,
    search_pb2_grpc.SearchServicer,
    index_pb2_grpc.IndexServicer,
):
    """The cluster: what it holds outlives its server. Use it as a context manager.

    With a key and a certificate (PEM) it speaks TLS alone.
    """

    def __init__(self, key: bytes = b"", certificate: bytes = b"") -> None:
        self._pair = [(key, certificate)] if key else []
        self.held: dict[str, np.ndarray] = {}
        self.upserts: list[str] = []
        """Ids in the order in which they were asked for, also those that failed."""
        self.removed: list[str] = []
        self.dim = 16
        self.fault: Callable[[str], Any] = lambda name: OK
        """Says with which code an upsert of an id fails."""
        self.before: Callable[[str], None] = lambda name: None
        """Is called before every upsert: to wait, or to end the server."""
        self.names_failures = True
        """Whether a failure says which vector it is about."""
        self.streams = 0
        self.most_streams = 0
        """How many streams there were at once, at the most."""
        self._lock = threading.Lock()
        self._port = 0
        self._server: Any = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = grpc.server(
            ThreadPoolExecutor(24), options=[("grpc.max_metadata_size", 1 << 20)]
        )
        upsert_pb2_grpc.add_UpsertServicer_to_server(self, self._server)
        remove_pb2_grpc.add_RemoveServicer_to_server(self, self._server)
        object_pb2_grpc.add_ObjectServicer_to_server(self, self._server)
        search_pb2_grpc.add_SearchServicer_to_server(self, self._server)
        index_pb2_grpc.add_IndexServicer_to_server(self, self._server)
        place = f"127.0.0.1:{self._port}"
        if self._pair:
            safe = grpc.ssl_server_credentials(self._pair)
            self._port = self._server.add_secure_port(place, safe)
        else:
            self._port = self._server.add_insecure_port(place)
        self._server.start()

    def stop(self) -> threading.Event:
        """Break every connection off."""
        return self._server.stop(None)

    def __enter__(self) -> FakeVald:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop().wait()

    def Upsert(self, request: Any, context: Any) -> Any:
        try:
            return self._upsert(request.vector)
        except Failed as failed:
            context.abort_with_status(rpc_status.to_status(failed.status))

    def StreamUpsert(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        with self._lock:
            self.streams += 1
            self.most_streams = max(self.streams, self.most_streams)
        try:
            yield from self._shuffled(requests, lambda request: self._upsert(request.vector))
        finally:
            with self._lock:
                self.streams -= 1

    def Remove(self, request: Any, context: Any) -> Any:
        try:
            return self._remove(request.id.id)
        except Failed as failed:
            context.abort_with_status(rpc_status.to_status(failed.status))

    def StreamRemove(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        yield from self._shuffled(requests, lambda request: self._remove(request.id.id))

    def StreamListObject(self, request: Any, context: Any) -> Iterator[Any]:
        for _copy in range(2):  # a cluster keeps copies of every vector
            for name, vector in list(self.held.items()):
                found = payload.Object.Vector(id=name, vector=vector.tolist())
                yield payload.Object.List.Response(vector=found)

    def Search(self, request: Any, context: Any) -> Any:
        names = list(self.held)
        asked = np.array(request.vector, np.float32)
        distances = 1 - np.array([self.held[name] for name in names]) @ asked
        results = [
            payload.Object.Distance(id=names[i], distance=distances[i])
            for i in np.argsort(distances, kind="stable")[: request.config.num]
        ]
        return payload.Search.Response(results=results)

    def IndexInfo(self, request: Any, context: Any) -> Any:
        return payload.Info.Index.Count(stored=len(self.held))

    def _upsert(self, vector: Any) -> Any:
        self.before(vector.id)
        with self._lock:
            self.upserts.append(vector.id)
        numbers = np.array(vector.vector, np.float32)
        code = self.fault(vector.id)
        if code is not OK:
            raise Failed(code, vector.id, "a planted fault", names=self.names_failures)
        if len(numbers) != self.dim:
            said = f"incompatible dimension size, got {len(numbers)}, wanted {self.dim}"
            raise Failed(Code.INVALID_ARGUMENT, vector.id, said, names=self.names_failures)
        with self._lock:
            if np.array_equal(self.held.get(vector.id, ()), numbers):
                said = f"same vector already exists: {numbers.tolist()}" * 50
                raise Failed(Code.ALREADY_EXISTS, vector.id, said, names=self.names_failures)
            self.held[vector.id] = numbers
        return payload.Object.Location(name="agent", uuid=vector.id, ips=["10.0.0.1"])

    def _remove(self, name: str) -> Any:
        with self._lock:
            if self.held.pop(name, None) is None:
                raise Failed(Code.NOT_FOUND, name, "not there", names=self.names_failures)
            self.removed.append(name)
        return payload.Object.Location(name="agent", uuid=name, ips=["10.0.0.1"])

    def _shuffled(self, requests: Iterable[Any], do: Callable[[Any], Any]) -> Iterator[Any]:
        """Answer a stream a few at a time, the last one first."""
        answers: list[Any] = []
        for request in requests:
            try:
                answers.append(payload.Object.StreamLocation(location=do(request)))
            except Failed as failed:
                answers.append(payload.Object.StreamLocation(status=failed.status))
            if len(answers) == 3:
                yield from reversed(answers)
                answers.clear()
        yield from reversed(answers)
