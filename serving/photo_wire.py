"""What a worker and a process that reads photos say to each other: frames on a local socket.

A frame is two lengths, an object as JSON, and bytes: no pickle. The worker sends one, the reader
answers with the byte BEGUN when its turn has come, and with a frame when it is done.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import struct
from typing import Any, NamedTuple

BEGUN = b"+"

_LENGTHS = struct.Struct("!II")
_PIECE_BYTES = 1 << 18


class Frame(NamedTuple):
    """A message: what it says, and the photo or the vectors that go with it."""

    said: dict[str, Any]
    data: bytes

    def encoded(self) -> bytes:
        """Return what goes over the socket."""
        text = json.dumps(self.said).encode()
        return _LENGTHS.pack(len(text), len(self.data)) + text + self.data


def receive(connection: socket.socket, limit_bytes: int) -> Frame | None:
    """Read a frame; None if the other side has left, or wants to send more than it may."""
    head = _exactly(connection, _LENGTHS.size)
    if head is None:
        return None
    text, data = _LENGTHS.unpack(head)
    if text + data > limit_bytes:
        return None
    body = _exactly(connection, text + data)
    return None if body is None else Frame(json.loads(body[:text]), body[text:])


def has_left(connection: socket.socket) -> bool:
    """Whether the other side waits no more for the answer."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


async def receive_later(reader: asyncio.StreamReader) -> Frame:
    """Read a frame; IncompleteReadError if the other side has left."""
    text, data = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    said = json.loads(await reader.readexactly(text))
    return Frame(said, await reader.readexactly(data))


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    pieces = []
    while count:
        piece = connection.recv(min(count, _PIECE_BYTES))
        if not piece:
            return None
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
