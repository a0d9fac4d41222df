"""The judging page's server: blind, for this machine alone, and keeping every answer."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_store.bundle import open_bundle
from feature_store.compare.judge import JudgeServer, running
from feature_store.compare.judgements import Judgements, Tally
from feature_store.compare.sides import Pair
from feature_store.compare.trials import Trials
from feature_store.errors import UnknownItemError
from tests.feature_store.compare.circle import CircleSettings, row_of_things, write_thumbnails


@pytest.fixture
def judgements(settings: CircleSettings, pair: tuple[str, str]) -> Judgements:
    return Judgements(settings.home, *pair)


def trials_of(settings: CircleSettings, judgements: Judgements, *asked: str) -> Trials:
    sides = Pair(*(open_bundle(settings.home / "bundles" / name) for name in ("old", "new")))
    return Trials(sides, judgements, 3, settings.home / "thumbnails", asked)


@pytest.fixture
def server(settings: CircleSettings, judgements: Judgements) -> Iterator[JudgeServer]:
    write_thumbnails(settings.home, row_of_things(20))
    with running(JudgeServer(trials_of(settings, judgements))) as server:
        yield server


def send(
    server: JudgeServer, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        named = {"Content-Type": "application/json", "Origin": server.address.rstrip("/"), **named}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), named)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def ask(server: JudgeServer) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(send(server, "GET", "/next")[1])
    return state


def test_the_page_allows_itself_alone(server: JudgeServer) -> None:
    status, page, headers = send(server, "GET", "/")
    assert status == 200
    assert b"Which row is more like" in page
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_an_answer_is_kept_for_the_bundle_that_was_meant(
    server: JudgeServer, judgements: Judgements
) -> None:
    for verdict in ("left", "right", "equal", "skip"):
        trial = ask(server)["question"]["trial"]
        status, _, _ = send(server, "POST", "/answer", {"trial": trial, "verdict": verdict})
        assert status == 200
    kept = list(judgements.read())
    first, second = kept[:2]
    assert first["verdict"] == first["left"]
    assert {second["verdict"], second["left"]} == {"before", "after"}
    assert [entry["verdict"] for entry in kept[2:]] == ["equal", "skip"]
    assert len({entry["item_id"] for entry in kept}) == 4
    assert ask(server)["tally"]["decided"] == 2


def test_nothing_says_which_row_is_which(server: JudgeServer) -> None:
    shown = json.dumps(ask(server)["question"])
    for secret in ("old", "new", "before", "after", "score", "eye@", "lens@"):
        assert secret not in shown


def test_each_side_stands_left_sometimes(settings: CircleSettings, judgements: Judgements) -> None:
    trials = trials_of(settings, judgements, "t05")
    texts = set()
    for _ in range(60):
        question = trials.next()
        assert question is not None
        texts.add(json.dumps(question["left"]))
    assert len(texts) == 2, "the chance of a false alarm is 2 in 2 ** 60"


def test_an_answer_counts_once(server: JudgeServer, judgements: Judgements) -> None:
    answer = {"trial": ask(server)["question"]["trial"], "verdict": "left"}
    assert send(server, "POST", "/answer", answer)[0] == 200
    assert send(server, "POST", "/answer", answer)[0] == 409
    assert send(server, "POST", "/answer", {"trial": "guessed", "verdict": "left"})[0] == 409
    state = ask(server)
    bad = {"trial": state["question"]["trial"], "verdict": "before"}
    assert send(server, "POST", "/answer", bad)[0] == 409
    assert judgements.tally().decided == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_strangers_are_refused(
    server: JudgeServer, judgements: Judgements, headers: dict[str, str]
) -> None:
    trial = ask(server)["question"]["trial"]
    for method, path, body in (
        ("GET", "/next", None),
        ("GET", "/", None),
        ("POST", "/answer", {"trial": trial, "verdict": "left"}),
    ):
        status, said, _ = send(server, method, path, body, **headers)
        assert status == 403, (method, path)
        assert b"trial" not in said
    assert judgements.tally() == Tally(0, 0, 0, 0)


def test_a_form_of_another_page_cannot_answer(server: JudgeServer, judgements: Judgements) -> None:
    trial = ask(server)["question"]["trial"]
    answer = {"trial": trial, "verdict": "left"}
    assert send(server, "POST", "/answer", answer, Content_Type="text/plain")[0] == 400
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/answer", json.dumps(answer), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 403, "a browser always says where a POST comes from"
    connection.close()
    assert judgements.tally().decided == 0


def test_what_is_no_answer(server: JudgeServer) -> None:
    assert send(server, "POST", "/answer", [])[0] == 400
    assert send(server, "POST", "/answer", {"trial": "x" * 5000})[0] == 400
    assert send(server, "POST", "/elsewhere", {})[0] == 400
    assert send(server, "PUT", "/answer", {})[0] == 501
    assert send(server, "GET", "/../../etc/passwd")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Content-Type": "application/json", "Origin": server.address.rstrip("/")}
    for body in ("[" * 4000, "{", "\xff", "null"):
        connection.request("POST", "/answer", body.encode("latin-1"), headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:9]) == (400, b"an answer")
    connection.close()
    assert send(server, "GET", "/next")[0] == 200


def test_a_length_that_only_looks_like_a_number(server: JudgeServer) -> None:
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += f"Origin: {server.address.rstrip('/')}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: \xb2\r\n\r\n".encode("latin-1"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_an_answer_that_cannot_be_kept_can_be_given_again(
    server: JudgeServer, judgements: Judgements
) -> None:
    judgements.path.parent.mkdir(parents=True, exist_ok=True)
    trial = ask(server)["question"]["trial"]
    judgements.path.symlink_to("/dev/full")
    assert send(server, "POST", "/answer", {"trial": trial, "verdict": "left"})[0] == 507
    judgements.path.unlink()
    assert send(server, "POST", "/answer", {"trial": trial, "verdict": "left"})[0] == 200
    assert judgements.tally().decided == 1


def test_a_browser_that_hangs_up_is_nothing_to_speak_of(
    server: JudgeServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    linger = struct.pack("ii", 1, 0)  # a close that resets
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.sendall(b"GET / HTTP/1.1\r\n")
    with caplog.at_level("DEBUG"):
        connection.close()
        deadline = time.monotonic() + 10
        while "a request of" not in caplog.text and time.monotonic() < deadline:
            assert send(server, "GET", "/next")[0] == 200
    told = [record.levelname for record in caplog.records if "failed" in record.getMessage()]
    assert told == ["DEBUG"]
    assert "Traceback" not in capfd.readouterr().err


def test_pictures_are_those_of_the_question(server: JudgeServer, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    address = ask(server)["question"]["query"]["picture"]
    status, picture, headers = send(server, "GET", address)
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert picture.startswith(b"\xff\xd8")
    for path in ("/picture/", "/picture/../secret.jpg", "/picture/unknown"):
        assert send(server, "GET", path)[0] == 404


def test_it_listens_on_this_machine_alone(server: JudgeServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_all_that_changed_is_asked_once_and_then_it_is_over(
    settings: CircleSettings, judgements: Judgements
) -> None:
    trials = trials_of(settings, judgements)
    total = trials.left
    assert 0 < total <= 20
    for number in range(total):
        question = trials.next()
        assert question is not None
        assert (question["number"], question["of"]) == (number + 1, total)
        assert trials.answer(question["trial"], "equal")
        assert not trials.answer(question["trial"], "equal"), "once"
    assert trials.next() is None
    assert trials_of(settings, judgements).left == 0, "what has been judged is not asked again"


def test_queries_come_in_their_order(settings: CircleSettings, judgements: Judgements) -> None:
    trials = trials_of(settings, judgements, "t09", "t02", "t09")
    assert trials.left == 2
    for wanted in ("t09", "t02"):
        question = trials.next()
        assert question is not None
        assert question["query"]["text"].startswith(wanted)
        trials.answer(question["trial"], "skip")
    with pytest.raises(UnknownItemError, match="'nobody'"):
        trials_of(settings, judgements, "nobody")


def test_photos_without_a_thumbnail_come_from_the_shop(
    settings: CircleSettings, judgements: Judgements
) -> None:
    question = trials_of(settings, judgements, "t02").next()
    assert question is not None
    assert question["query"]["picture"] == "", "an address of the service's own is none here"
