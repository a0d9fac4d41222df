from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feature_store.bundle.format import read_manifest
from feature_store.nightly import build_candidate, check_candidate, publish_candidate
from feature_store.nightly.page import draw_page
from feature_store.quality import check_index
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore
from tests.feature_store.nightly.thresholds import tuned


def page_of(settings: FakeSettings, store: FakeStore) -> tuple[str, Path]:
    path = build_candidate(settings, store).path
    check_candidate(path, settings)
    return (path / "report" / "index.html").read_text(), path


def test_the_page_says_what_an_engineer_asks_in_the_morning(
    settings: FakeSettings, store: FakeStore
) -> None:
    page, path = page_of(settings, store)
    assert f"Bundle {path.name}" in page
    assert "gate passed" in page
    for said in ("109", "recall@10", "self retrieval", "items present", "too few vectors"):
        assert said in page
    for slices in ("Category", "Brands by how many items they have", "Chairs, folding"):
        assert slices in page
    assert '<meta name="viewport" content="width=device-width' in page
    assert "items present: " not in page, "the check's name stands in its own column"


def test_the_page_needs_nothing_from_elsewhere(settings: FakeSettings, store: FakeStore) -> None:
    page, _ = page_of(settings, store)
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert "<script" not in page
    assert "data:image/jpeg;base64," in page
    assert "<svg" in page


def test_a_failed_gate_is_seen_at_once(settings: FakeSettings, store: FakeStore) -> None:
    strict = tuned(settings, "[overall]\nmin_recall_at_10 = 1.0")
    worse = replace(strict.index, reduced_dim=1, epsilons=(0.0,), min_graph_vectors=50)
    page, _ = page_of(replace(strict, index=replace(worse, candidates=(10,))), store)
    assert "gate failed" in page.split("</h1>")[0]
    assert "Raise the index" in page


def test_the_next_page_compares_with_the_live_bundle(
    settings: FakeSettings, store: FakeStore
) -> None:
    first = build_candidate(settings, store).path
    check_candidate(first, settings)
    publish_candidate(first, settings)
    page, _ = page_of(settings, store)
    assert f"compared with the live bundle {first.name}" in page
    assert "+0" in page


def test_texts_of_the_catalogue_are_escaped(settings: FakeSettings, store: FakeStore) -> None:
    shop = store.now
    rows = shop.described.to_pylist()
    evil = "<script>alert(1)</script>@1"
    table = type(shop.described).from_pylist(
        [row | {"extractor": evil, "detector": evil} for row in rows], shop.described.schema
    )
    page, _ = page_of(settings, FakeStore(replace(shop, described=table)))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_contact_sheet_shows_the_thumbnails(settings: FakeSettings, store: FakeStore) -> None:
    for image_id in set(store.now.described["image_id"].to_pylist()):
        thumbnail = settings.home / "thumbnails" / image_id[:2] / f"{image_id}.jpg"
        thumbnail.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), "lime").save(thumbnail)
    path = build_candidate(settings, store).path
    with Image.open(path / "report" / "neighbours.jpg") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    green = (pixels[..., 1] > 200) & (pixels[..., 0] < 80) & (pixels[..., 2] < 80)
    assert green.mean() > 0.1


@pytest.mark.parametrize("name", ["recall.svg", "neighbours.jpg", "index.html"])
def test_the_pictures_are_files_too(settings: FakeSettings, store: FakeStore, name: str) -> None:
    _, path = page_of(settings, store)
    assert (path / "report" / name).stat().st_size > 500


def test_failing_slices_come_first_and_say_with_whom_they_were_judged(
    settings: FakeSettings, store: FakeStore
) -> None:
    path = build_candidate(settings, store).path
    manifest = read_manifest(path)
    measured = json.loads(json.dumps(manifest.measurements))
    slices = measured["gate"]["slices"]
    tails = [one for one in slices if one["dimension"] == "category"]
    for number in range(40):
        slices.append(tails[0] | {"value": f"c<{number}>", "merged_with": ["<b>"]})
    failing = json.loads(json.dumps(tails[0])) | {"value": "the worst", "merged_with": ["<b>"]}
    failing["metrics"]["recall_at_10"] = {"value": 0.2, "low": 0.1, "high": 0.3}
    slices.append(failing)
    report = check_index(measured["gate"], settings.quality)
    thresholds = settings.quality.read_index_gate()
    page = draw_page(path, replace(manifest, measurements=measured), report, None, thresholds)
    assert "<b>'" not in page
    assert "judged with &#x27;&lt;b&gt;&#x27;" in page
    names = re.findall("<th>([^<]+)<small>", page.split("<h3>Category")[1])
    assert names[0] == "the worst"
    assert "1 of 45 fail" in page
    assert "33 more" in page, "the others are folded"
