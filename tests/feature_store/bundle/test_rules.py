"""Every combination of rules and questions, against picking by hand among all that is for sale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from feature_store.bundle import (
    Answer,
    AtMost,
    Hit,
    Rules,
    Searcher,
    open_bundle,
    parse_at_most,
    parse_filter,
)
from feature_store.bundle.tiers import TierShelf
from feature_store.errors import FilterError, UnknownItemError
from tests.feature_store.bundle.by_hand import Catalogue, Question
from tests.feature_store.bundle.made_bundle import Made, make_bundle, raw_vectors
from tests.feature_store.bundle.test_golden import ANSWERS
from tests.feature_store.fresh.shops import Edits, Home, edit
from tests.feature_store.nightly.fake_shop import clustered, make_shop

NAMES = ("ladies", "men", "")
PLAIN = Made(items=150, graph=False, seed=1)
SEGMENTED = Made(items=150, graph=False, segments=NAMES, seed=2)
COPIED = Made(items=120, graph=False, copies=30, seed=3)
GRAPHS = Made(items=2400, segments=("ladies", "men"), seed=4, neighbours=15)
KINDS = ("plain", "segmented", "fresh", "bounded", *sorted(path.name for path in ANSWERS))


class Shop:
    """A searcher, what it is asked with, and the truth."""

    def __init__(self, searcher: Searcher, vectors: np.ndarray) -> None:
        self.searcher = searcher
        self.vectors = vectors
        self.truth = Catalogue(searcher)
        rows = searcher.view.item_rows(self.truth.items)
        self.ids = [str(row["item_id"]) for row in rows]


def made(folder: Path, what: Made) -> Shop:
    searcher = Searcher(open_bundle(make_bundle(folder, "one", what)[0]))
    return Shop(searcher, raw_vectors(what, 30, 9))


def refreshed(folder: Path) -> Shop:
    """130 items of which some are gone, new, or have another photo or row."""
    home = Home(folder, make_shop(130, 24))
    rows = {5: {"price": 1.0}, 7: {"category": "hats", "in_stock": None}, 9: {"brand": "ACME"}}
    edits = Edits(gone=[3, 4, 50], new=9, rephotographed=[6, 60], rows=rows)
    home.refresh(edit(home.shop, edits, version=2))
    bundles = home.settings.home / "bundles"
    bundle = open_bundle(bundles / home.bundle_id)
    return Shop(Searcher(bundle, TierShelf(bundles).open(bundle)), clustered(30, 24, seed=5))


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shop]:
    found = {
        "plain": made(tmp_path_factory.mktemp("plain"), PLAIN),
        "segmented": made(tmp_path_factory.mktemp("segmented"), SEGMENTED),
        "copied": made(tmp_path_factory.mktemp("copied"), COPIED),
        "graphs": made(tmp_path_factory.mktemp("graphs"), GRAPHS),
        "fresh": refreshed(tmp_path_factory.mktemp("fresh")),
    }
    with pytest.MonkeyPatch.context() as patch:  # the tier is small: bound its cosines all the same
        patch.setattr("feature_store.bundle.fresh_vectors.FEW", 0)
        fresh = found["fresh"]
        found["bounded"] = Shop(
            Searcher(fresh.searcher.bundle, fresh.searcher.view.tier), fresh.vectors
        )
        found["bounded"].searcher.prepare()
    for folder in ANSWERS:
        searcher = Searcher(open_bundle(folder))
        dim = searcher.bundle.manifest.dim
        found[folder.name] = Shop(searcher, clustered(30, dim, seed=5))
    return found


def ask(shop: Shop, draw: Callable[..., int]) -> tuple[Question, Callable[[Rules], Answer]]:
    """Draw a question; return it, and what asks it by rules."""
    searcher, truth, view = shop.searcher, shop.truth, shop.searcher.view

    def some(most: int) -> list[int]:
        return [draw(len(shop.ids)) for _ in range(1 + draw(most))]

    def primary(places: list[int]) -> np.ndarray:
        regions = [view.primary_region(truth.items[place]) for place in places]
        return view.vectors(np.array(regions)).mean(axis=0)

    way, place = draw(5), draw(len(shop.ids))
    item, item_id = truth.items[place], shop.ids[place]
    regions = view.regions_of(item)
    region = regions[draw(len(regions))]
    name = view.region_id(region)
    if way == 0:
        question = truth.question(view.primary_region(item))
        return question, lambda rules: searcher.similar(item_id, rules)
    if way == 1:
        return truth.question(region), lambda rules: searcher.similar(
            item_id, rules, region_id=name
        )
    if way == 2:
        _, first = view.find_region(name)
        return truth.question(first), lambda rules: searcher.by_region(name, rules)
    if way == 3:
        vector = shop.vectors[draw(len(shop.vectors))]
        query = searcher.bundle.projection.centre(vector[None])[0]
        return Question(query), lambda rules: searcher.by_vector(vector, rules)
    liked, disliked = some(3), some(2)[1:]
    query = primary(liked) - (0.5 * primary(disliked) if disliked else 0)
    named = [[shop.ids[place] for place in places] for places in (liked, disliked)]
    excluded = frozenset(truth.items[place] for place in (*liked, *disliked))
    assume(np.linalg.norm(query) > 1e-3)
    query = np.asarray(query / np.linalg.norm(query), np.float32)
    return Question(query, excluded), lambda rules: searcher.by_items(*named, rules)


def rules_of(shop: Shop, draw: Callable[..., int], *, varied: bool = True) -> Rules:
    """Draw rules, each of them now and then."""
    known = shop.searcher.view.facets.attributes
    texts = [
        *("colour:red", "colour:RED,blue", "segment:men", "category:bags,shoes", "in_stock:true"),
        *("price:10..60", "price:..5,90..", "size:1..3", "price:9999..", "brand:acme"),
    ]
    texts = [text for text in texts if text.split(":")[0] in known]
    limits = [f"{name}:{count}" for name in known for count in (1, 2, 5)]

    def chosen(among: list[str]) -> list[str]:
        return [among[draw(len(among))] for _ in range(draw(3))]

    return Rules(
        limit=draw(26),
        offset=draw(3) * draw(40),
        threshold=draw(2) * draw(1000) / 10,
        filters=tuple(parse_filter(text) for text in chosen(texts)),
        at_most=tuple(parse_at_most(text) for text in chosen(limits)) if varied else (),
        collapse=draw(101) * 1.0 if draw(3) == 0 else None,
    )


def assert_best(hits: list[Hit], expected: list[tuple[int, float]]) -> None:
    """The very hits that were expected, but for two that are as near."""
    assert [hit.score for hit in hits] == pytest.approx([s for _, s in expected], abs=0.011)
    scores = dict(expected)
    for hit in hits:
        last = expected[-1][1]
        assert hit.score == pytest.approx(scores.get(hit.item, last), abs=0.011)
    assert len({hit.item for hit in hits}) == len(hits)


def clear_of(threshold: float, scores: list[float]) -> bool:
    """Whether no score is so near to the threshold that rounding decides."""
    return not threshold or all(abs(found - threshold) > 0.02 for found in scores)


@st.composite
def draws(pick: Callable[..., object]) -> Callable[..., int]:
    return lambda count: int(pick(st.integers(0, max(0, count - 1))))  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", KINDS)
@given(draw=draws())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_picked_greedily_among_all_that_is_allowed(
    shops: dict[str, Shop], kind: str, draw: Callable[..., int]
) -> None:
    shop = shops[kind]
    question, answer = ask(shop, draw)
    rules = rules_of(shop, draw)
    expected = shop.truth.hits(question, replace(rules, threshold=0.0))
    assume(clear_of(rules.threshold, [found for _, found in expected]))
    expected = [one for one in expected if one[1] >= rules.threshold]
    found = answer(rules)
    assert_best(found.hits, expected[rules.offset :][: rules.limit])
    assert found.method in {"neighbours", "graph", "scan"}
    for hit in found.hits:
        assert shop.searcher.view.sold_by[hit.region] == hit.item


@given(draw=draws())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_copies_are_shown_or_collapsed(shops: dict[str, Shop], draw: Callable[..., int]) -> None:
    shop = shops["copied"]
    question, answer = ask(shop, draw)
    rules = rules_of(shop, draw, varied=False)
    expected = shop.truth.hits(question, replace(rules, threshold=0.0))
    assume(clear_of(rules.threshold, [found for _, found in expected]))
    page = [found for _, found in expected if found >= rules.threshold][rules.offset :]
    hits = answer(rules).hits
    assert [hit.score for hit in hits] == pytest.approx(page[: rules.limit], abs=0.011)
    assert len({hit.item for hit in hits}) == len(hits)


@given(draw=draws())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_beside_a_graph_as_many_come_back_as_there_are(
    shops: dict[str, Shop], draw: Callable[..., int]
) -> None:
    shop = shops["graphs"]
    question, answer = ask(shop, draw)
    rules = rules_of(shop, draw)
    assume(not (rules.at_most and rules.collapse is not None))
    expected = shop.truth.hits(question, replace(rules, threshold=0.0))
    assume(clear_of(rules.threshold, [found for _, found in expected]))
    expected = [one for one in expected if one[1] >= rules.threshold]
    page = expected[rules.offset :][: rules.limit]
    found = answer(rules)
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)
    if rules.collapse is None and rules.threshold == 0:
        assert len(scores) == len(page)  # a graph may miss the best, but nothing is short
    missed = sum(abs(a - b) > 0.011 for a, b in zip(scores, (s for _, s in page), strict=False))
    if found.method != "graph":
        assert missed == 0
        assert len(scores) == len(page)


@pytest.mark.parametrize("kind", ["plain", "graphs", "fresh", "copied"])
@pytest.mark.parametrize("texts", [(), ("colour:red",)])
@pytest.mark.parametrize("varied", [Rules(limit=7), Rules(limit=7, at_most=(AtMost("price", 2),))])
def test_pages_are_disjoint_and_join_up(
    shops: dict[str, Shop], kind: str, texts: tuple[str, ...], varied: Rules
) -> None:
    shop = shops[kind]
    rules = replace(varied, filters=tuple(parse_filter(text) for text in texts))
    asks: list[Callable[[Rules], Answer]] = [
        lambda rules: shop.searcher.similar(shop.ids[8], rules),
        lambda rules: shop.searcher.by_vector(shop.vectors[1], rules),
    ]
    for answer in asks:
        pages = list(all_pages(answer, rules, most=40))
        found = [hit.item for page in pages for hit in page]
        assert len(set(found)) == len(found)
        assert all(len(page) == 7 for page in pages[:-1])
        whole = answer(replace(rules, limit=len(found)))
        if {whole.method, answer(rules).method} != {"graph"}:
            assert len(set(found) ^ {hit.item for hit in whole.hits}) <= 2
        allowed = shop.searcher.view.facets.all_allowed(rules.filters)
        if kind == "plain" and not rules.at_most:
            asked = 1 if answer is asks[0] else 0
            assert len(found) == allowed.sum() - asked * allowed[8]


def all_pages(answer: Callable[[Rules], Answer], rules: Rules, most: int) -> Iterator[list[Hit]]:
    for number in range(most):
        page = answer(replace(rules, offset=number * rules.limit)).hits
        yield page
        if len(page) < rules.limit:
            return


def test_the_quickest_way_is_taken(shops: dict[str, Shop]) -> None:
    searcher, ids = shops["graphs"].searcher, shops["graphs"].ids
    vector = shops["graphs"].vectors[0]

    def by(text: str, limit: int = 12) -> Rules:
        return Rules(limit=limit, filters=(parse_filter(text),))

    assert searcher.similar(ids[5]).method == "neighbours"
    assert searcher.similar(ids[5], Rules(limit=5, filters=by("colour:red").filters)).method in {
        "neighbours",
        "graph",
    }
    assert searcher.similar(ids[5], Rules(limit=16)).method == "graph"
    assert searcher.similar(ids[5], by("price:5..6")).method == "scan"
    assert searcher.by_vector(vector, Rules(limit=5)).method == "graph"
    assert searcher.by_vector(vector, by("colour:red,blue", 5)).method == "graph"
    assert searcher.by_vector(vector, by("price:5..6")).method == "scan"
    assert searcher.by_vector(vector, Rules(limit=2000)).method == "scan"


def test_a_region_is_found_by_its_name(shops: dict[str, Shop]) -> None:
    for kind in ("plain", "fresh"):
        shop = shops[kind]
        view = shop.searcher.view
        for item in shop.truth.items[::7]:
            for region in view.regions_of(item):
                found = view.find_region(view.region_id(region))
                assert view.region_id(found[1]) == view.region_id(region)
                assert found[1] in view.regions_of(found[0])
    for unknown in ("", "region-", "region-99999", "zzz"):
        with pytest.raises(UnknownItemError, match="not in bundle"):
            shops["plain"].searcher.by_region(unknown)


def test_a_region_that_is_gone_is_not_found(shops: dict[str, Shop]) -> None:
    searcher = shops["fresh"].searcher
    gone = searcher.bundle.region_id(searcher.bundle.regions_of(3)[0])
    with pytest.raises(UnknownItemError, match=gone):
        searcher.by_region(gone)


@pytest.mark.parametrize("text", ["", "brand", "brand:", ":2", "brand:0", "brand:x", "brand:-1"])
def test_how_many_of_what_is_not_guessed(text: str) -> None:
    with pytest.raises(FilterError, match="brand:2"):
        parse_at_most(text)


def test_how_many_of_what_is_read() -> None:
    assert parse_at_most(" brand : 2") == AtMost("brand", 2)
    assert parse_at_most("a:b:3") == AtMost("a:b", 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": -1},
        {"offset": -1},
        {"threshold": 101},
        {"threshold": float("nan")},
        {"collapse": -0.1},
        {"collapse": 100.1},
        {"at_most": (AtMost("brand", 0),)},
    ],
)
def test_rules_that_no_answer_can_keep_to_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0"):
        Rules(**wrong)  # type: ignore[arg-type]


def test_an_attribute_that_no_item_has_is_refused(shops: dict[str, Shop]) -> None:
    shop = shops["plain"]
    with pytest.raises(FilterError, match="'weight'"):
        shop.searcher.similar(shop.ids[0], Rules(at_most=(AtMost("weight", 1),)))
