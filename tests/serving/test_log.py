"""What the service says of itself: whole lines of JSON, whatever somebody sent."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feature_store.bundle import BundleRegistry
from serving import log
from serving.processes import fork
from tests.serving.service_process import ROOT, ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN, build_shop

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]")


def read(line: bytes) -> dict[str, Any]:
    """Read one line, which must be one."""
    text = line.decode("ascii")
    assert text.endswith("\n")
    assert not CONTROL.search(text[:-1])
    parsed: dict[str, Any] = json.loads(text)
    return parsed


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["path", "query", "reason", "trace", "message", "bundle", "query_id"]),
        st.text(st.characters(), max_size=50) | st.none() | st.booleans() | st.floats(),
    )
)
@example({"path": '/a"}\n{"time": "1", "event": "forged"}'})
@example({"path": "\x1b[2J\x1b]0;owned\x07\x7f\u202e\u2028\x9b31m"})
@example({"reason": "\ud800 alone"})
def test_a_line_is_one_line_whatever_is_in_it(fields: dict[str, Any]) -> None:
    found = read(log.line("info", {"event": "request", **fields}, 1_800_000_000.5))
    assert list(found)[:3] == ["time", "level", "event"]
    assert (found["time"], found["event"]) == ("2027-01-15T08:00:00.500Z", "request")
    assert found["process"] == os.getpid()
    for name, value in fields.items():
        if isinstance(value, float):
            assert found[name] == value or found[name] in ("nan", "inf", "-inf")
        else:
            assert found[name] == value


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["x", "漢", "🧦", '"', "\x00", "\x7f"]), min_size=7, max_size=7),
    st.integers(1, 20_000),
)
def test_a_line_is_never_longer_than_a_pipe_takes_whole(letters: list[str], times: int) -> None:
    fields = {f"field_{number}": letter * times for number, letter in enumerate(letters)}
    line = log.line("error", {"event": "request", **fields}, 0.0)
    assert len(line) <= log.LINE_BYTES
    assert read(line)["field_0"].startswith(letters[0])


def test_of_a_trace_the_end_is_kept_and_of_the_rest_the_beginning() -> None:
    long = "begin" + "x" * 9000 + "end"
    found = read(log.line("error", {"event": "log", "trace": long, "message": long}, 0.0))
    assert found["trace"].endswith("end")
    assert found["message"].startswith("begin")


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """What was written to stdout since, line by line; logging is put back afterwards."""
    root, serving = logging.getLogger(), logging.getLogger("serving")
    before = (root.handlers[:], root.level, serving.level)
    yield lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    logging.captureWarnings(False)
    root.handlers[:], root.level, serving.level = before


def test_what_is_logged_is_said_with_its_fields(said: Any) -> None:
    log.begin()
    logger = logging.getLogger("serving.somewhere")
    logger.info("tier %s", "t1", extra=log.event("tier_served", tier="t1", seconds=0.25))
    logger.debug("not said")
    logging.getLogger("somebody.else").warning("careful")
    try:
        raise ValueError("planted\nsecond line")
    except ValueError:
        logger.exception("it failed", extra=log.event("request_failed", query_id="q1"))
    log.say("request", query_id="q2", status=200)
    tier, other, failed, asked = said()
    assert (tier["event"], tier["tier"], tier["seconds"]) == ("tier_served", "t1", 0.25)
    assert (tier["level"], tier["message"], tier["logger"]) == (
        "info",
        "tier t1",
        "serving.somewhere",
    )
    assert (other["event"], other["level"]) == ("log", "warning")
    assert (failed["level"], failed["query_id"]) == ("error", "q1")
    assert failed["trace"].endswith("ValueError: planted\nsecond line")
    assert (asked["event"], asked["query_id"], asked["status"]) == ("request", "q2", 200)


def test_saying_never_fails(said: Any) -> None:
    log.begin()
    kept = os.dup(1)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        os.dup2(full, 1)
        log.say("request", status=200)
        logging.getLogger("serving").error("lost")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(full)
    log.say("request", status=201)
    [line] = said()
    assert line["status"] == 201


def test_lines_of_several_processes_never_mix() -> None:
    heard, said = os.pipe()

    def talk(letter: str) -> int:
        os.dup2(said, 1)
        for _ in range(200):
            log.say("request", path=letter * 3500)
        return 0

    children = [fork(lambda letter=letter: talk(letter)) for letter in "abc"]
    os.close(said)
    with os.fdopen(heard, "rb") as lines:
        paths = [read(line)["path"] for line in lines]
    assert len(paths) == 600
    assert {path.strip(path[0]) for path in paths} <= {"", "…"}
    for child in children:
        os.waitpid(child, 0)


def test_on_a_terminal_a_person_reads_it(tmp_path: Path) -> None:
    program = (
        "from serving import log; import logging; log.begin();"
        "logging.getLogger('serving').warning('worker %s', '\\x1b[2Jdied',"
        " extra=log.event('worker_died', worker=1));"
        "log.say('request', status=200, path='/\\n')"
    )
    master, slave = pty.openpty()
    python = ROOT / ".venv" / "serving" / "bin" / "python"
    subprocess.run([python, "-c", program], stdout=slave, cwd=ROOT, check=True)
    os.close(slave)
    text = os.read(master, 10_000).decode()
    os.close(master)
    first, second = text.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning worker \\x1b\[2Jdied", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d event=request status=200 path=/\\n", second)


def test_a_running_service_says_what_happens_to_it(tmp_path: Path) -> None:
    folder = build_shop(tmp_path, "shop-2", without="dresses-03")
    build_shop(tmp_path, "shop-1")
    registry = BundleRegistry(tmp_path / "bundles")

    def events(service: ServiceProcess, name: str) -> list[dict[str, Any]]:
        lines = [read(f"{line}\n".encode()) for line in service.said().splitlines()]
        return [line for line in lines if line["event"] == name]

    with ServiceProcess(tmp_path, poll_seconds=0.1, access_log="true") as service:
        address = f"{service.address}/v1/items/{PLAIN}/similar"
        answer = httpx.get(f"{address}?limit=2", trust_env=False).json()
        # Sent as it is: httpx itself would not let a line end through.
        httpx.get(f'{service.address}/%0A"%7B%7D%1b[2J?q=%0a', trust_env=False)
        registry.publish("shop-2")
        until(lambda: len(events(service, "bundle_served")) == 2)
        wrong = tmp_path / "wrong"
        wrong.write_text("nothing-of-this-name\n")
        wrong.replace(tmp_path / "bundles" / "CURRENT")
        until(lambda: events(service, "bundle_refused"))
        until(lambda: len(children_of(service.process.pid)) == 1)
        assert service.stop() == 0
    first, second = events(service, "bundle_served")
    assert (first["bundle"], second["bundle"]) == ("shop-1", "shop-2")
    assert first["address"] == service.address
    [refused] = events(service, "bundle_refused")
    assert (refused["bundle"], refused["level"]) == ("nothing-of-this-name", "error")
    assert refused["reason"]
    asked, missed = events(service, "request")
    assert asked["query_id"] == answer["query_id"]
    assert (asked["route"], asked["status"], asked["query"]) == ("similar", 200, "limit=2")
    assert (asked["method"], asked["answered_by"]) == ("GET", "neighbours")
    assert asked["milliseconds"] > 0
    assert asked["level"] == "info"
    assert (missed["route"], missed["status"]) == ("none", 404)
    assert folder.exists()
