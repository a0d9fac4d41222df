from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from feature_store.compare import compare_bundles
from feature_store.compare.comparison import percent
from tests.feature_store.compare.circle import (
    CircleSettings,
    Thing,
    row_of_things,
    write_bundle,
    write_thumbnails,
)

EVIL = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


def page_of(settings: CircleSettings, pair: tuple[str, str]) -> str:
    return compare_bundles(settings, *pair).report.read_text()


def test_the_page_says_what_matters_first(settings: CircleSettings, pair: tuple[str, str]) -> None:
    page = page_of(settings, pair)
    header = page.split("</header>")[0]
    assert "of the look-alikes would change" in header
    assert "above the limit 30 %" in header
    for said in ("extractor", "lens@111111111111", "The most changed items", "bags", "lost"):
        assert said in page
    assert page.index("<h2>Why</h2>") < page.index("<article>")


def test_the_page_needs_nothing_from_elsewhere_and_no_script(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    write_thumbnails(settings.home, row_of_things(20))
    page = page_of(settings, pair)
    assert re.findall(r'(?:src|href|action)="', page) == []
    assert re.findall(r"url\((?!data:image/jpeg;base64,)", page) == []
    assert "<script" not in page
    assert 'style="' not in page


def test_its_policy_allows_its_own_style_sheet_alone(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    page = page_of(settings, pair)
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_every_text_of_the_catalogue_is_escaped(settings: CircleSettings) -> None:
    things = [
        Thing(f"{EVIL}{n:02d}", 11.0 * n, category=EVIL, title=f"{EVIL} {n}", segment=EVIL)
        for n in range(8)
    ]
    write_bundle(settings.home, "a", things)
    write_bundle(settings.home, "b", [*things[:-1], Thing(f"{EVIL}new", 2, title="$body $title")])
    page = page_of(settings, ("a", "b"))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "$body $title" in page


def test_a_photo_is_embedded_once(settings: CircleSettings, pair: tuple[str, str]) -> None:
    things = row_of_things(20)
    write_thumbnails(settings.home, things)
    page = page_of(settings, pair)
    rules = re.findall(r"\.(p\d+)\{background-image", page)
    assert 0 < len(rules) <= 20
    assert len(set(rules)) == len(rules)
    assert page.count('class="picture p0"') > 1


def test_without_thumbnails_there_are_captions(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    page = page_of(settings, pair)
    assert 'class="picture' not in page
    assert 'class="name"' in page


def test_a_thumbnail_that_cannot_be_read_is_a_caption(
    settings: CircleSettings, pair: tuple[str, str]
) -> None:
    things = row_of_things(20)
    write_thumbnails(settings.home, things)
    for path in (settings.home / "thumbnails").glob("*/*.jpg"):
        path.write_bytes(b"no picture")
    assert 'class="picture' not in page_of(settings, pair)


def test_long_texts_are_cut(settings: CircleSettings) -> None:
    things = [replace(thing, title="x" * 5000) for thing in row_of_things(8)]
    write_bundle(settings.home, "a", things)
    write_bundle(settings.home, "b", [*things, Thing("y" * 2000, 1)])
    page = page_of(settings, ("a", "b"))
    assert "x" * 71 not in page
    assert "y" * 71 not in page


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (1, "100 %"), (0.153, "15.3 %"), (1e-6, "< 0.1 %"), (0.99999, "> 99.9 %")],
)
def test_no_share_is_rounded_to_nothing_or_to_all(share: float, said: str) -> None:
    assert percent(share) == said
