"""A process that reads photos ends, or says no, before a photo costs more than it may."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from feature_store.errors import ImageError
from serving import photo_reading
from serving.photo_reading import Bounds, read_photos
from serving.photo_wire import BEGUN, Frame, receive
from serving.processes import fork
from tests.serving.service_process import until

BOUNDS = Bounds(seconds=0.2, most_bytes=1000, most_pixels=1000, memory_mb=64)
ASKED = Frame({"bundle": "b"}, b"a photo").encoded()


class _Reader:
    """Stands where the models would: whatever it does, a photo made it do."""

    def __init__(self, read: Callable[[bytes], object]) -> None:
        self.read = read


@contextmanager
def reading(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[bytes], object]
) -> Iterator[tuple[int, Callable[[bytes], socket.socket]]]:
    """A process with such a reader; yields its id and what asks it."""
    monkeypatch.setattr(photo_reading, "_PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(photo_reading, "_load", lambda *_: {"b": _Reader(read)})
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address := b"\0nitamono-test-" + os.urandom(8).hex().encode())
    listener.listen(4)
    heard, said = os.pipe()
    process = fork(lambda: read_photos(listener, {"b": Path()}, BOUNDS, said))
    os.close(said)
    assert os.read(heard, 1) == b"+"
    os.close(heard)
    listener.close()

    def ask(sent: bytes) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(address)
        connection.sendall(sent)
        return connection

    try:
        yield process, ask
    finally:
        try:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def answered(connection: socket.socket) -> Frame | None:
    with connection:
        assert connection.recv(1) == BEGUN
        return receive(connection, 1000)


def for_ever(_photo: bytes) -> object:
    while True:
        pass


def hungry(_photo: bytes) -> object:
    return bytearray(2**30)


def refusing(_photo: bytes) -> object:
    raise ImageError("corrupt", "half of it is missing")


def failing(_photo: bytes) -> object:
    raise RuntimeError("something nobody thought of")


def test_what_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch, for_ever) as (process, ask):
        assert answered(ask(ASKED)) is None
        _, status = os.waitpid(process, 0)
        assert os.WTERMSIG(status) == signal.SIGALRM


def test_what_takes_too_much_memory_is_refused_and_the_process_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with reading(monkeypatch, hungry) as (process, ask):
        said = answered(ask(ASKED))
        assert said is not None
        assert said.said["refused"] == "too_large"
        _, status = os.waitpid(process, 0)
        assert os.waitstatus_to_exitcode(status) == 1


def test_a_failure_is_told_and_the_process_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch, failing) as (process, ask):
        assert answered(ask(ASKED)) == Frame({"failed": True}, b"")
        _, status = os.waitpid(process, 0)
        assert os.waitstatus_to_exitcode(status) == 1


def test_refusals_lost_askers_and_nonsense_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(monkeypatch, refusing) as (process, ask):
        for _ in range(2):
            said = answered(ask(ASKED))
            assert said == Frame({"refused": "corrupt", "detail": "half of it is missing"}, b"")
            ask(ASKED).close()
            ask(b"").close()
            assert answered(ask(b"\xff" * 8)) is None  # four gigabytes are announced
            assert answered(ask(ASKED[:-1])) is None  # and nothing follows: its patience ends
        os.kill(process, 0)


def test_it_ends_when_its_parent_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_reading, "_load", lambda *_: {})
    monkeypatch.setattr(photo_reading, "_LOOK_SECONDS", 0.05)
    heard, said = os.pipe()

    def parent() -> int:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(b"\0nitamono-test-" + os.urandom(8).hex().encode())
        listener.listen(1)
        held, ready = os.pipe()
        child = fork(lambda: read_photos(listener, {}, BOUNDS, ready))
        os.read(held, 1)
        os.write(said, b"%d\n" % child)
        return 0

    os.waitpid(fork(parent), 0)
    child = int(os.read(heard, 20))
    os.close(said)
    until(lambda: os.read(heard, 1) == b"")  # the child held the other end as well
    os.close(heard)
    assert child > 0
