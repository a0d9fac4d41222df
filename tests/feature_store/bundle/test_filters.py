from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from feature_store.bundle.columns import Range
from feature_store.bundle.filters import Facets, Filter, parse_filter
from feature_store.errors import FilterError

TABLE = pa.table(
    {
        "category": pa.array(["Shoes", "bags", None, "Shoes, men", "SHOES"]).dictionary_encode(),
        "price": pa.array([10.0, 50.0, None, 20.5, 0.0]),
        "in_stock": pa.array([True, False, None, True, True]),
        "size": pa.array(["38", "40.5", "XL", None, "9..12"]).dictionary_encode(),
        "segment": pa.array([None] * 5, pa.string()),
    }
)
EVERY = np.arange(5)


def passing(*filters: str) -> list[int]:
    facets = Facets(TABLE)
    mask = facets.allowed([parse_filter(text) for text in filters], EVERY)
    return np.flatnonzero(mask).tolist()


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("category:shoes,bags", Filter("category", ("shoes", "bags"))),
        ("price:10..50", Filter("price", (Range(10, 50),))),
        ("price:..50", Filter("price", (Range(-np.inf, 50),))),
        ("price:-1.5e1..", Filter("price", (Range(-15, np.inf),))),
        ("price:1..2,5..6", Filter("price", (Range(1, 2), Range(5, 6)))),
        ("url:https://a.example", Filter("url", ("https://a.example",))),
        (r"category:shoes\, men,bags", Filter("category", ("shoes, men", "bags"))),
        ("size:a..b", Filter("size", ("a..b",))),
    ],
)
def test_a_filter_is_read(text: str, parsed: Filter) -> None:
    assert parse_filter(text) == parsed


@pytest.mark.parametrize("text", ["", "shoes", ":shoes", "category:", "category:a,,b", " : "])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match="no filter"):
        parse_filter(text)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), [0, 1, 2, 3, 4]),
        (("category:shoes",), [0, 4]),
        (("category:shoes,BAGS",), [0, 1, 4]),
        ((r"category:shoes\, men",), [3]),
        (("category:hats",), []),
        (("price:10..50",), [0, 1, 3]),
        (("price:..10",), [0, 4]),
        (("price:20.5",), [3]),
        (("price:10,50",), [0, 1]),
        (("in_stock:true",), [0, 3, 4]),
        (("in_stock:false",), [1]),
        (("in_stock:true,false",), [0, 1, 3, 4]),
        (("size:38..41",), [0, 1]),
        (("size:xl",), [2]),
        (("segment:men",), []),
        (("category:shoes", "price:5..", "in_stock:true"), [0]),
    ],
)
def test_items_pass_or_not(filters: tuple[str, ...], expected: list[int]) -> None:
    assert passing(*filters) == expected


def test_some_items_are_judged_as_all_of_them_are() -> None:
    some = np.array([4, 2, 0])
    mask = Facets(TABLE).allowed([parse_filter("category:shoes")], some)
    assert mask.tolist() == [True, False, True]


def test_an_unknown_attribute_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(FilterError, match=r"'colour'.*category, price"):
        passing("colour:red")


def test_a_price_that_is_no_number_is_refused() -> None:
    with pytest.raises(FilterError, match="'cheap' is not a number"):
        passing("price:cheap")
