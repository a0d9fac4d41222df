"""The page says how a bundle was built, segment by segment, and what that was forecast to take."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from feature_store.bundle.format import Manifest
from feature_store.nightly import build_candidate, page_build
from feature_store.nightly.page_build import draw_build
from tests.feature_store.nightly.fake_shop import FakeSettings, FakeStore, make_shop


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    settings = FakeSettings(tmp_path_factory.mktemp("home"))
    index = replace(settings.index, segment_by="category", min_graph_vectors=20)
    return build_candidate(replace(settings, index=index), FakeStore(make_shop(54))).manifest


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_each_segment_has_a_line(manifest: Manifest) -> None:
    page = text_of(draw_build(manifest))
    for segment in manifest.segments:
        found = manifest.measurements["segments"][segment.name]
        line = (
            f"{segment.name} {segment.regions} {segment.vectors} {segment.reduced_dim} onng "
            f"{segment.search.epsilon:g} {segment.search.candidates} {found['recall_at_10']:.4f}"
        )
        assert line in page
    assert "exact, 1.0000" in page


def test_forecast_and_truth_stand_side_by_side(manifest: Manifest) -> None:
    page = text_of(draw_build(manifest))
    expected = f"{manifest.forecast['memory_bytes'] / 1e6:,.0f} MB"
    took = f"{manifest.measurements['peak_memory_bytes'] / 1e6:,.0f} MB"
    assert f"memory {expected} {took}" in page
    for step in manifest.measurements["seconds"]:
        assert step in page


def test_what_is_left_out_is_said_and_every_text_is_escaped(manifest: Manifest) -> None:
    lost = {"regions": 3, "items": 1, "examples": ["<b>"]}
    hostile = replace(
        manifest,
        segmented_by="<i>",
        measurements={**manifest.measurements, "left_out": lost},
    )
    page = draw_build(hostile)
    assert "3 regions are left out" in page
    assert "with them 1 items: &#x27;&lt;b&gt;&#x27;" in page
    assert "<i>" not in page
    assert "left out" not in draw_build(manifest)


def test_of_many_segments_some_are_shown(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_build, "SHOWN_SEGMENTS", 3)
    page = text_of(draw_build(manifest))
    assert "and 1 more" in page
    assert "shoes" not in page
