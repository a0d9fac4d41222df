from __future__ import annotations

import pytest

from feature_store.errors import StorageError
from feature_store.storage import Address, is_object_name, parse_address


@pytest.mark.parametrize(
    ("uri", "bucket", "name"),
    [
        ("gs://shop/a.jpg", "shop", "a.jpg"),
        ("GS://shop.example.com/a/b.jpg", "shop.example.com", "a/b.jpg"),
        ("gs://my_shop-1//a?b#c%20d e", "my_shop-1", "/a?b#c%20d e"),
        ("gs://shop/../似たもの/🧦'\".jpg", "shop", "../似たもの/🧦'\".jpg"),
        ("gs://shop/" + "n" * 1024, "shop", "n" * 1024),
    ],
)
def test_a_name_is_taken_as_it_stands(uri: str, bucket: str, name: str) -> None:
    assert parse_address(uri) == Address(bucket, name)


@pytest.mark.parametrize(
    "uri",
    [
        *("shop/a.jpg", "https://shop/a.jpg", "gs:/shop/a", "gs://", "gs://shop", "gs://shop/"),
        *("gs:///a", "gs://ab/a", "gs://Shop/a", "gs://shop./a", "gs://sh..op/a", "gs://-shop/a"),
        *("gs://sh op/a", "gs://user@shop/a", "gs://shop:443/a", "gs://shop%2f/a", "gs://shöp/a"),
        *("gs://shop/.", "gs://shop/..", "gs://shop/a\nb", "gs://shop/a\rb", "gs://shop/a\0b"),
        *(
            "gs://shop/\ud800",
            "gs://shop/" + "n" * 1025,
            "gs://shop\n/a",
            "gs://" + "s" * 223 + "/a",
        ),
    ],
)
def test_what_no_bucket_or_object_can_be_called_is_refused(uri: str) -> None:
    with pytest.raises(StorageError) as refused:
        parse_address(uri)
    assert refused.value.reason == "address"
    assert repr(uri) in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "name"), [("gs://shop", ""), ("gs://shop/", ""), ("gs://shop/a/b//", "a/b")]
)
def test_a_prefix_may_be_empty_and_loses_its_last_slash(uri: str, name: str) -> None:
    assert parse_address(uri, prefix=True) == Address("shop", name)


def test_a_prefix_is_checked_as_well() -> None:
    for uri in ("gs://shop/..", "gs://s/a", "var/bundles"):
        with pytest.raises(StorageError):
            parse_address(uri, prefix=True)


def test_dots_are_only_refused_alone() -> None:
    assert is_object_name("a/../b")
    assert is_object_name("...")
    assert not is_object_name("..")


def test_it_is_written_as_it_was_read() -> None:
    assert str(parse_address("gs://shop/a b")) == "gs://shop/a b"
