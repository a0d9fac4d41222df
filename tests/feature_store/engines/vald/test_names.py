"""Ids in Vald: whatever an item is called, its id there says it again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.engines.vald.names import parted, vector_id
from feature_store.schemas import WHOLE, region_id

REGION = region_id("f" * 64, WHOLE)
UTF_8 = st.text(st.characters(codec="utf-8"), min_size=1, max_size=2048)


@given(UTF_8)
def test_an_id_can_be_turned_back(item_id: str) -> None:
    assert parted(vector_id(item_id, REGION)) == (item_id, REGION)


@given(UTF_8, UTF_8)
def test_no_two_items_share_an_id(one: str, other: str) -> None:
    assert (vector_id(one, REGION) == vector_id(other, REGION)) == (one == other)


def test_an_item_may_be_called_like_an_id() -> None:
    name = vector_id("SKU-1", REGION)
    assert parted(vector_id(name, "0" * 16)) == (name, "0" * 16)


@pytest.mark.parametrize("name", ["", "sku-1", f":{REGION}", f"a:{REGION}\n", f"a:{REGION[1:]}"])
def test_other_ids_are_told_apart(name: str) -> None:
    assert parted(name) is None


@pytest.mark.parametrize(("item", "region"), [("", REGION), ("a", "b"), ("a", REGION.upper())])
def test_an_id_that_could_not_be_turned_back_is_not_made(item: str, region: str) -> None:
    with pytest.raises(ValueError, match="no possible id"):
        vector_id(item, region)
