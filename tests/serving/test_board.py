"""The board: one memory for all processes, and a notice that is never half a notice."""

from __future__ import annotations

import os

import numpy as np
import pytest

from serving.board import Board
from serving.processes import fork


def ran(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_a_child_counts_its_parent_sees() -> None:
    board = Board(rows=3, columns=4)

    def count(row: int) -> int:
        for _ in range(1000):
            board.cells[row, row] += 1
        return 0

    children = [fork(lambda row=row: count(row)) for row in (1, 2)]
    assert all(ran(child) for child in children)
    assert np.diag(board.cells).tolist() == [0, 1000, 1000]


def test_a_notice_reaches_every_process() -> None:
    board = Board(1, 1)
    assert board.notice() == {}
    assert ran(fork(lambda: board.tell({"refused": "漢字"}) or 0))
    assert board.notice() == {"refused": "漢字"}


def test_a_notice_is_never_half_a_notice() -> None:
    board = Board(1, 1)
    texts = ["short", "long " * 2000]
    board.tell({"text": texts[0]})

    def write() -> int:
        for turn in range(4000):
            board.tell({"text": texts[turn % 2]})
        return 0

    child = fork(write)
    seen = set()
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        seen.add(board.notice()["text"])
    assert seen <= set(texts)


def test_a_notice_that_does_not_fit_is_refused() -> None:
    board = Board(1, 1)
    with pytest.raises(ValueError, match="does not fit"):
        board.tell({"text": "x" * 100_000})
    assert board.notice() == {}


def test_a_failing_child_ends_with_a_status_and_never_returns() -> None:
    def fail() -> int:
        raise RuntimeError("planted")

    assert os.waitstatus_to_exitcode(os.waitpid(fork(fail), 0)[1]) == 1
    assert os.waitstatus_to_exitcode(os.waitpid(fork(lambda: 3), 0)[1]) == 3


def test_no_two_living_processes_have_the_same_row() -> None:
    board = Board(rows=4, columns=1)
    heard, said = os.pipe()

    def take() -> int:
        board.claim()[0] += 1
        os.write(said, b"+")
        os.read(ending, 1)
        return 0

    ending, end = os.pipe()
    children = [fork(take) for _ in range(4)]
    for _ in children:
        assert os.read(heard, 1) == b"+"
    assert board.cells[:, 0].tolist() == [1, 1, 1, 1]
    os.write(end, b"++++")
    assert all(ran(child) for child in children)


def test_a_row_is_taken_again_after_its_process_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    board = Board(rows=2, columns=2, momentary=1)

    def count() -> int:
        board.claim()[:] += (5, 1)
        return 0

    own = board.claim()
    own[:] = (3, 1)
    for turn in range(1, 20):
        assert ran(fork(count))
        # The first number is about the process itself, and gone with it.
        assert board.totals().tolist() == [3, 1 + turn]
    assert caplog.text == ""


def test_who_finds_no_row_counts_where_nobody_looks(caplog: pytest.LogCaptureFixture) -> None:
    board = Board(rows=2, columns=1)
    rows = [board.claim() for _ in range(3)]
    for row in rows:
        row[0] += 1
    assert board.totals().tolist() == [2]
    assert "all 2 rows" in caplog.text
