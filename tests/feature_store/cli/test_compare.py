"""`nitamono compare`: the summary, the report, the tally and the judging page."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from feature_store.bundle import BundleRegistry
from feature_store.cli import main
from feature_store.compare.judgements import Judgements
from tests.feature_store.compare.circle import Made, Thing, row_of_things, write_bundle


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`old` is live, `new` waits; nearly everything would change, by another extractor."""
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    things = row_of_things(30, category="[red]bags")
    write_bundle(tmp_path, "old", things)
    moved = [
        Thing(t.item_id, -7.0 * n * n, category="[red]bags") for n, t in enumerate(things[:-1])
    ]
    write_bundle(tmp_path, "new", moved, Made(extractor="lens@111111111111"))
    BundleRegistry(tmp_path / "bundles").publish("old")
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["compare", *words])


def test_the_newest_is_compared_with_the_live_one(home: Path) -> None:
    said = call()
    assert said.exit_code == 0, said.output
    assert "old → new" in said.output
    assert "of the look-alikes of 29 items would change (limit 30 %): extractor" in said.output
    assert "0 came, 1 went" in said.output
    assert "most changed: [red]bags" in said.output
    report = home / "reports" / "new" / "compare.html"
    assert f"see {report}" in said.output
    assert report.is_file()


@pytest.mark.parametrize(
    ("words", "pair"),
    [
        (["new"], ("old", "new")),
        (["live", "new"], ("old", "new")),
        (["new", "old"], ("new", "old")),
        (["new", "live"], ("new", "old")),
    ],
)
def test_bundles_by_name(home: Path, words: list[str], pair: tuple[str, str]) -> None:
    found = json.loads(call(*words, "--json").output)
    assert (found["before"], found["after"]) == pair
    assert found["needs_approval"] is True
    assert sum(found["distribution"]) == found["items_both"] == 29


def test_items_and_files_of_queries_are_shown(home: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("\ufefft03\n\n  t01 \n", encoding="utf-8")
    said = call("--item", "t07", "--queries", str(queries), "--json")
    shown = [change["item_id"] for change in json.loads(said.output)["asked"]]
    assert shown == ["t07", "t03", "t01"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "nothing is no bundle"),
        (["old", "old"], "name two to compare"),
        (["../x"], "is not the name of a bundle"),
        (["a", "b", "c"], "two bundles at most"),
        (["--item", "nobody"], "item 'nobody' is not in bundle"),
        (["--item", "t29"], "item 't29' is not in bundle new"),
        (["--queries", "none.txt"], "does not exist"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(
    home: Path, words: list[str], said: str
) -> None:
    failed = call(*words)
    assert failed.exit_code in (1, 2)
    assert isinstance(failed.exception, SystemExit)
    assert said in " ".join(failed.output.split())


@pytest.mark.parametrize(("text", "said"), [(b"\n", "names no item"), (b"\xff", "no UTF-8 text")])
def test_a_file_of_queries_that_is_none(home: Path, tmp_path: Path, text: bytes, said: str) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_bytes(text)
    assert said in " ".join(call("--queries", str(queries)).output.split())


def test_before_anything_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAMONO_HOME", str(tmp_path))
    assert "there is no bundle" in call().output


def test_the_tally_is_printed(home: Path) -> None:
    assert "nothing is decided yet" in call("--tally").output
    judgements = Judgements(home, "old", "new")
    for number in range(12):
        judgements.add(f"t{number:02d}", "after" if number else "before", left="before")
    said = call("--tally").output
    assert "old better: 1; new better: 11; equal: 0; skipped: 0" in said
    assert "it is better" in said
    found = json.loads(call("--tally", "--json").output)
    assert (found["after"], found["before_bundle"], found["decided"]) == (11, "old", 12)
    assert 0.5 < found["low"] < found["share"] < found["high"] < 1


def test_the_judging_page_is_served_until_ctrl_c(home: Path) -> None:
    command = [sys.executable, "-m", "feature_store.cli", "compare", "--judge", "--item", "t03"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as running:
        assert running.stdout is not None
        told = running.stdout.readline()
        found = re.fullmatch(r"1 question at http://127\.0\.0\.1:(\d+)/; Ctrl-C ends it\n", told)
        assert found, told
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=30)
        connection.request("GET", "/next")
        trial = json.loads(connection.getresponse().read())["question"]["trial"]
        origin = f"http://127.0.0.1:{found[1]}"
        headers = {"Content-Type": "application/json", "Origin": origin}
        answer = json.dumps({"trial": trial, "verdict": "equal"})
        connection.request("POST", "/answer", answer, headers)
        assert json.loads(connection.getresponse().read())["question"] is None
        connection.close()
        running.send_signal(signal.SIGINT)
        try:
            rest, errors = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == 0, errors
    assert "equal: 1" in rest


def test_a_port_in_use_is_told(home: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = call("--judge", "--port", str(taken.getsockname()[1]))
    assert "cannot be used" in said.output
