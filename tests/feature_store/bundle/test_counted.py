from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from feature_store.bundle import (
    AtMost,
    Between,
    Counted,
    Rules,
    Searcher,
    open_bundle,
    parse_filter,
)
from feature_store.errors import FilterError
from tests.feature_store.bundle.made_bundle import COLOURS, Made, make_bundle


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    made = Made(items=240, graph=False, neighbours=30)
    return Searcher(open_bundle(make_bundle(tmp_path_factory.mktemp("one"), "one", made)[0]))


def colours(items: list[int]) -> list[Counted]:
    counts = Counter(COLOURS[item // 3 % 3] for item in items)
    return sorted((Counted(*one) for one in counts.items()), key=lambda one: -one.hits)


def test_the_values_of_the_nearest_hundred_are_counted(searcher: Searcher) -> None:
    rules = Rules(limit=3, offset=5, at_most=(AtMost("colour", 1),), collapse=10.0)
    found = searcher.facets(
        ["colour", "price"], rules, lambda other: searcher.similar("item-00007", other)
    )
    near = [hit.item for hit in searcher.similar("item-00007", Rules(limit=100)).hits]
    assert len(near) == 100
    assert dict(found["colour"] or []) == dict(colours(near))  # type: ignore[arg-type]
    assert [one.hits for one in found["colour"]] == [one.hits for one in colours(near)]  # type: ignore[union-attr]
    assert found["price"] == Between(min(near), max(near))


def test_what_an_attribute_is_filtered_by_does_not_narrow_its_own_values(
    searcher: Searcher,
) -> None:
    red, cheap = parse_filter("colour:red"), parse_filter("price:..50")
    asked: list[Rules] = []

    def ask(rules: Rules):  # type: ignore[no-untyped-def]
        asked.append(rules)
        return searcher.similar("item-00007", rules)

    found = searcher.facets(["colour", "price", "segment"], Rules(filters=(red, cheap)), ask)
    assert [rules.filters for rules in asked] == [(cheap,), (red,), (red, cheap)]
    near = [
        hit.item for hit in searcher.similar("item-00007", Rules(limit=100, filters=(cheap,))).hits
    ]
    assert dict(found["colour"] or []) == dict(colours(near))  # type: ignore[arg-type]
    reds = [
        hit.item for hit in searcher.similar("item-00007", Rules(limit=100, filters=(red,))).hits
    ]
    assert found["price"] == Between(min(reds), max(reds))
    assert found["segment"] == []


def test_the_same_question_is_asked_once(searcher: Searcher) -> None:
    asked: list[Rules] = []

    def ask(rules: Rules):  # type: ignore[no-untyped-def]
        asked.append(rules)
        return searcher.by_items(["item-00007"], (), rules)

    searcher.facets(["colour", "price", "segment"], Rules(threshold=20.0), ask)
    assert asked == [Rules(limit=100, threshold=20.0)]


def test_an_attribute_that_no_item_has_is_refused(searcher: Searcher) -> None:
    with pytest.raises(FilterError, match="'weight'"):
        searcher.facets(["weight"], Rules(), lambda other: searcher.similar("item-00007", other))


def test_the_commonest_twelve_are_told(tmp_path: Path) -> None:
    made = Made(items=90, graph=False, segments=tuple(f"s{n:02}" for n in range(15)))
    searcher = Searcher(open_bundle(make_bundle(tmp_path, "one", made)[0]))
    vector = searcher.bundle.vectors[3]
    found = searcher.facets(["segment"], Rules(), lambda other: searcher.by_vector(vector, other))
    assert isinstance(found["segment"], list)
    assert len(found["segment"]) == 12
    assert {one.hits for one in found["segment"]} == {6}
