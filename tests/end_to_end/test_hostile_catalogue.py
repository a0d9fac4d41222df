"""Item ids, texts and addresses that mean harm travel the whole road as plain text, or not at all.

Catalogue → ingest → store → index → bundle → lookup service, by the real commands and servers;
only the models are quick ones. What a shell, an SQL text, a template, a path, a terminal or a page
would make something of is told apart from what it is by this: it arrives to the letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pyarrow as pa
import pytest

from feature_store.images.settings import ImageSettings
from feature_store.ingest import ingest_partition, plan_partition
from feature_store.schemas import REASONS, DataInterval
from feature_store.settings import Settings
from feature_store.tables import open_store
from tests.end_to_end.conftest import nitamono
from tests.feature_store.images.shop_server import ShopServer, running
from tests.feature_store.ingest.shop import Shop, quick_models
from tests.serving.service_process import ServiceProcess

DAY = "2026-03-01"
TRACE = "trace-of-a-command"
"""A file of this name, anywhere, says that a shell has read an item id."""

KEPT = [
    "o'brien\"",
    "'; DROP TABLE items; --",
    "1' OR '1'='1",
    "`; DELETE FROM ledger; `",
    "../../../../etc/passwd",
    "..",
    "a/b/c/similar",
    "/etc/passwd",
    "C:\\..\\..\\boot.ini",
    f"$(touch {TRACE})",
    f"`touch {TRACE}`",
    f"; touch${{IFS}}{TRACE};",
    f"| touch {TRACE} &",
    "-rf --help",
    "~root",
    "{{ 7*7 }}",
    "{% for x in (1,) %}{{ x }}{% endfor %}",
    "{ds}",
    "%s %d %(name)s",
    "%2e%2e%2f%00",
    "a?b=c&d#e",
    "a+b c%20d",
    "<script>alert(1)</script>",
    "[bold red]rich[/bold red]",
    "ds=2026-01-01",
    "NULL",
    "None",
    "=HYPERLINK(A1)",
    "👜 似たもの 👩‍👩‍👧",
    "\u202egnp.exe\u202c",
    "\u200b\u2066zero width\u2069",
    "e\u0301",
    "\u00e9",
    "x" * 2048,
    "é" * 1024,
]
"""Ids that are used as they are."""

REFUSED = [
    "new\nline",
    "carriage\r\nX-Injected: 1",
    "nul\0byte",
    "\x1b[31mescape",
    "line\u2028end",
    "x" * 2049,
    "   ",
    "",
]
"""Ids of which the ledger says why they are not."""

UNUSABLE_IMAGES = [
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "ftp://host/a.jpg",
    "a.png\r\nX: 1",
    "a\0.png",
]
"""Images that no row may name."""


@dataclass(frozen=True)
class Road:
    """Where it all ended up."""

    folder: Path
    settings: Settings
    shop: Shop
    server: ShopServer

    @property
    def home(self) -> Path:
        return self.settings.home


def hostile_rows(shop: Shop, server: ShopServer) -> list[dict[str, object]]:
    """Each kept id with hostile text in every column, and its photo behind a hostile address."""
    rows: list[dict[str, object]] = []
    for number, text in enumerate(KEPT):
        name = shop.draw(f"{number}.png", number)
        address = server.url(f"/photo.jpg?{text[:300]}")
        images = [name, address] if number % 3 == 0 else [name]
        words = dict.fromkeys(("title", "category", "segment", "brand", "colour"), text)
        rows.append({"item_id": text, "images": images, **words})
    rows += [{"item_id": text, "images": ["0.png"], "title": "refused"} for text in REFUSED]
    rows += [
        {"item_id": f"image {number}", "images": [text], "title": "refused"}
        for number, text in enumerate(UNUSABLE_IMAGES)
    ]
    away = ["../../../../../../etc/passwd", "/proc/self/environ", "%2e%2e/%2e%2e/a.png", "x" * 2048]
    rows += [{"item_id": f"away {n}", "images": ["0.png", text]} for n, text in enumerate(away)]
    return rows


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    folder = tmp_path_factory.mktemp("a 'hostile' shop; touch me")
    shop = Shop(folder / "shop")
    shop.draw("served.png", 99)
    with running((shop.folder / "served.png").read_bytes()) as server:
        lines = [json.dumps(row) for row in hostile_rows(shop, server)]
        (shop.folder / "catalogue.jsonl").write_text("\n".join(lines) + "\n")
        settings = replace(
            shop.settings(folder / "home", items_per_shard=16),
            catalogue_location=str(shop.folder / "catalogue.jsonl"),
            images=ImageSettings(
                allow_http=True, allow_private_hosts=True, local_roots=(str(shop.folder),)
            ),
        )
        settings = replace(settings, quality=replace(settings.quality, min_indexed_share=0.5))
        ingest_partition(DataInterval.day(DAY), settings, models=quick_models())
        yield Road(folder, settings, shop, server)


@pytest.fixture(scope="module")
def client(road: Road) -> Iterator[httpx.Client]:
    thresholds = road.home / "index_gate.toml"
    thresholds.write_text('label = ""  # these categories say nothing about looks\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NITAMONO_QUALITY_INDEX_GATE", str(thresholds))
        done = nitamono(road.home, "unused", "index")
    assert done.returncode == 0, done.stderr
    with (
        ServiceProcess(road.home, "--workers", "1") as service,
        httpx.Client(base_url=service.address, timeout=10, trust_env=False) as client,
    ):
        yield client


def test_every_id_is_in_the_store_or_in_the_ledger(road: Road) -> None:
    snapshot = open_store(road.settings).snapshot()
    items = snapshot.items()
    away = {f"away {number}" for number in range(4)}
    assert set(items["item_id"].to_pylist()) == {*KEPT, *away}
    for row in items.to_pylist():
        if row["item_id"] not in away:
            assert row["title"] == row["category"] == row["brand"] == row["item_id"]
            assert json.loads(row["attributes"]) == {"colour": row["item_id"]}
    features = pa.Table.from_batches(snapshot.features(snapshot.extractors()[0]))
    assert set(features["item_id"].to_pylist()) == {*KEPT, *away}


def test_what_is_refused_has_a_reason(road: Road) -> None:
    done = nitamono(road.home, "unused", "ledger", "--day", DAY, "--json")
    assert done.returncode == 0, done.stderr
    failed = [json.loads(line) for line in done.stdout.strip().split("\n")]
    rejected = [row for row in failed if row["image_index"] == -1]
    assert len(rejected) == len(REFUSED) + len(UNUSABLE_IMAGES)
    assert {row["reason"] for row in rejected} == {"row_invalid"}
    assert all(row["detail"].startswith("row ") for row in rejected)
    others = {row["item_id"]: row["reason"] for row in failed if row["image_index"] >= 0}
    assert others == {
        "away 0": "blocked_host",
        "away 1": "blocked_host",
        "away 2": "missing",
        "away 3": "unreachable",
    }
    assert set(others.values()) <= set(REASONS)


def test_people_see_no_control_characters_and_no_markup(road: Road) -> None:
    for arguments in (
        ("ledger", "--day", DAY),
        ("catalogue", "check", road.settings.catalogue_location),
    ):
        done = nitamono(road.home, "unused", *arguments)
        assert done.returncode in (0, 1), done.stderr
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.stdout)


def test_addresses_reached_their_host_escaped_and_nothing_else_did(road: Road) -> None:
    assert road.server.requests == {"/photo.jpg": len(KEPT[::3])}
    for path, headers in road.server.asked:
        assert path.isascii()
        assert path.isprintable()
        assert set(headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}


def test_no_path_and_no_command_was_made_of_any(road: Road) -> None:
    names = [str(path.relative_to(road.folder)) for path in road.folder.rglob("*")]
    assert not [name for name in names if TRACE in name]
    assert not list(Path.cwd().glob(f"*{TRACE}*"))
    ours = [name for name in names if name.startswith("home/")]
    strange = [name for name in ours if not re.fullmatch(r"[\w./=%\-]+", name, re.ASCII)]
    assert strange == []
    assert {name.split("/")[0] for name in names} == {"home", "shop"}
    for name in ours:
        assert (road.folder / name).resolve().is_relative_to(road.home)


def test_airflow_is_handed_nothing_out_of_the_catalogue(road: Road) -> None:
    """Templates render what a plan hands on: names of our own files alone."""
    plan = plan_partition(DataInterval.day("2026-03-02"), road.settings)
    staging = re.escape(str(road.settings.staging))
    for path in (plan.folder, *plan.shards):
        assert re.fullmatch(rf"{staging}/2026-03-02/[0-9a-f]{{16}}(/[a-z0-9-]+\.parquet)?", path)


def address_of(item_id: str) -> str:
    """The item's address; dots are escaped too, which a client would take for folders."""
    return "/v1/items/" + quote(item_id, safe="").replace(".", "%2E")


@pytest.mark.parametrize("item_id", KEPT, ids=range(len(KEPT)))
def test_the_service_answers_for_every_id(client: httpx.Client, item_id: str) -> None:
    answer = client.get(f"{address_of(item_id)}/similar", params={"limit": 50})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["item_id"] == item_id
    hits = [hit["item_id"] for hit in body["hits"]]
    assert item_id not in hits
    assert set(hits) <= {*KEPT, *(f"away {number}" for number in range(4))}
    assert len(hits) == len(KEPT) + 4 - 1
    one = client.get(address_of(item_id)).json()
    assert one["item_id"] == item_id


@pytest.mark.parametrize("item_id", [*REFUSED[:6], "' OR 1=1 --", "../secret"], ids=range(8))
def test_ids_that_are_not_there_are_problems(client: httpx.Client, item_id: str) -> None:
    answer = client.get(f"{address_of(item_id)}/similar")
    assert answer.status_code in (400, 404, 414), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "X-Injected" not in answer.headers


@pytest.mark.parametrize("text", KEPT[1:-2], ids=range(len(KEPT) - 3))
def test_filters_compare_and_do_nothing_else(client: httpx.Client, text: str) -> None:
    params = {"filter": "brand:" + text.replace(",", "\\,"), "limit": "50"}
    answer = client.get(f"{address_of(KEPT[0])}/similar", params=params)
    assert answer.status_code == 200, answer.text
    hits = {hit["item_id"] for hit in answer.json()["hits"]}
    assert hits == {text}
