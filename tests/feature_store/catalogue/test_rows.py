"""Bad cells: what is rejected, in which words, and that nothing else is lost with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_store.catalogue.rows import ItemRow, Rejected, RowChecker, SourceRow
from feature_store.catalogue.settings import CatalogueSettings
from tests.feature_store.catalogue.rows_of import details, ids, read_text

HOSTILE = (
    '=HYPERLINK("http://evil","x")',
    "+1-1",
    "@SUM(A1)",
    "<script>alert('x')</script>",
    'two\nlines, and "quotes"',
    "👜 似たもの \u202e RTL",
    "'; DROP TABLE items; --",
    "{{ 7*7 }} ${x} %s \\n",
)


def check(**cells: object) -> ItemRow | Rejected:
    row = {"item_id": "a", "image": "a.jpg", **cells}
    return RowChecker("/shop", CatalogueSettings()).check(SourceRow(7, row))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept_as_text(tmp_path: Path, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    read = read_text(tmp_path, f"item_id,image,title,note\na,a.jpg,{quoted},{quoted}\n")
    (row,) = read.items.to_pylist()
    assert row["title"] == text
    assert json.loads(row["attributes"]) == {"note": text}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("price", "-3", "'-3' is negative"),
        ("price", "cheap", "'cheap' is not a number"),
        ("price", "nan", "'nan' is not a finite number"),
        ("price", "-inf", "'-inf' is not a finite number"),
        ("price", "1e999", "'1e999' is not a finite number"),
        ("price", "1_000", "'1_000' is not a number"),
        ("price", "12,50", "'12,50' has a decimal comma"),
        ("price", "1.299,00", "'1.299,00' has a decimal comma"),
        ("price", True, "'True' is not a number"),
        ("price", float("nan"), "'nan' is not a finite number"),
        ("price", [1], "'[1]' is a list or an object"),
        ("updated_at", "yesterday", "'yesterday' is not an ISO 8601 date"),
        ("updated_at", "02/01/2026", "is not an ISO 8601"),
        ("updated_at", "2026-02-30", "is not an ISO 8601"),
        ("updated_at", 1767312000, "'1767312000' is not an ISO 8601"),
        ("updated_at", "0001-01-01T00:00:00+14:00", "outside the years"),
        ("in_stock", "maybe", "'maybe' is neither yes nor no"),
        ("in_stock", 2, "'2' is neither"),
        ("url", "javascript:alert(1)", "is not an http:// or https://"),
        ("url", "/p/1", "is not an http:// or https://"),
        ("url", "https://user:secret@host/", "is not an http:// or https://"),
        ("url", "https://host/a b", "is not an http:// or https://"),
        ("item_id", " ", "item_id: ' ' is empty"),
        ("item_id", None, "item_id is empty"),
        ("item_id", "a\x00b", r"'a\x00b' has a NUL"),
        ("item_id", "a\nb", "line break"),
        ("item_id", "é" * 1025, "is longer than 2,048 bytes"),
        ("image", "", "image names no image"),
        ("image", " | ", "names no image"),
        ("image", [], "image: '[]' names no image"),
        ("image", ["a.jpg", 3], "holds something that is not text"),
        ("image", "a\x00.jpg", "has a NUL"),
        ("image", "javascript:x", "is neither a path nor"),
        ("image", "file:///etc/passwd", "is neither a path nor"),
        ("image", "ftp://host/a.jpg", "is neither a path nor"),
        ("image", "|".join(["a.jpg"] * 101), "names more than 100 images"),
        ("title", "x" * 20_001, "is longer than 20,000 characters"),
        ("title", {"en": "x"}, "is a list or an object"),
        ("title", "\ud800", r"'\ud800' is no Unicode character"),
        ("colour", "x" * 20_001, "colour: "),
        ("colour", b"\xff", "is bytes that are not UTF-8"),
    ],
)
def test_bad_cells_are_rejected_with_row_column_and_value(
    column: str, value: object, reason: str
) -> None:
    result = check(**{column: value})
    assert isinstance(result, Rejected)
    assert result.detail.startswith("row 7: ")
    assert reason in result.detail
    assert len(result.detail) < 300


def test_all_problems_of_a_row_are_told_at_once() -> None:
    result = check(price="-3", in_stock="maybe", url="x")
    assert isinstance(result, Rejected)
    assert [part.split(":")[0] for part in result.detail.removeprefix("row 7: ").split("; ")] == [
        "price",
        "url",
        "in_stock",
    ]
    assert (result.item_id, result.image) == ("a", "a.jpg")


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("1,299.00", 1299.0),
        ("¥1,280", 1280.0),
        ("¥ 1,280", 1280.0),
        ("\uff11\uff0c\uff12\uff18\uff10円", 1280.0),
        ("12.50 USD", 12.5),
        ("€12.5", 12.5),
        ("0", 0.0),
        ("-0.0", 0.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("", None),
        (19.99, 19.99),
        (1280, 1280.0),
    ],
)
def test_prices(text: object, price: float | None) -> None:
    result = check(price=text)
    assert isinstance(result, ItemRow)
    assert str(result.price) == str(price)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.5+09:00", "2026-01-01T18:04:05.500000+00:00"),
    ],
)
def test_dates(text: str, time: str) -> None:
    result = check(updated_at=text)
    assert isinstance(result, ItemRow)
    assert result.updated_at.isoformat() == time


@pytest.mark.parametrize("text", ["true", "Yes", "1", "in stock", "IN_STOCK", 1, 1.0, True])
def test_flags_that_say_yes(text: object) -> None:
    result = check(in_stock=text)
    assert isinstance(result, ItemRow)
    assert result.in_stock is True


@pytest.mark.parametrize("text", ["false", "no", "0", "Out of stock", "out-of-stock", 0, False])
def test_flags_that_say_no(text: object) -> None:
    result = check(in_stock=text)
    assert isinstance(result, ItemRow)
    assert result.in_stock is False


def test_numbers_read_as_ids_and_lists_as_attributes() -> None:
    result = check(item_id=123.0, sizes=["S", "M"], weight=1.5, empty=[], nothing=None)
    assert isinstance(result, ItemRow)
    assert result.item_id == "123"
    assert result.attributes == '{"sizes":"[\\"S\\", \\"M\\"]","weight":"1.5"}'


def test_the_digest_covers_everything_but_the_date() -> None:
    first, later, other = check(), check(updated_at="2026-01-02"), check(color="red")
    assert isinstance(first, ItemRow)
    assert first.row_digest == later.row_digest != other.row_digest  # type: ignore[union-attr]
    content = {name: None for name in ItemRow._fields if name not in ("updated_at", "row_digest")}
    content |= {"item_id": "a", "images": ["/shop/a.jpg"], "attributes": "{}"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert first.row_digest == hashlib.sha256(text.encode()).hexdigest()


def test_rows_are_numbered_as_an_editor_numbers_lines(tmp_path: Path) -> None:
    text = 'item_id,image,title\r\na,a.jpg,"two\r\nlines"\r\n\r\nb,,x\r\na,a.jpg,y\r\n,c.jpg,z\r\n'
    read = read_text(tmp_path, text)
    assert ids(read) == ["a"]
    assert details(read) == [
        "row 5: image names no image",
        "row 6: item_id: 'a' is already in row 2, which counts",
        "row 7: item_id is empty",
    ]
    assert read.rejected["item_id"].to_pylist() == ["b", "a", ""]
    assert set(read.rejected["image_index"].to_pylist()) == {-1}
    assert set(read.rejected["reason"].to_pylist()) == {"row_invalid"}


def test_a_forgotten_quote_costs_one_row(tmp_path: Path) -> None:
    lines = ["item_id,image,title", 'a,a.jpg,"open', *(f"{n},{n}.jpg,t" for n in range(50))]
    read = read_text(tmp_path, "\n".join([*lines, 'z,z.jpg,"closed"', ""]))
    assert ids(read) == [*(str(n) for n in range(50)), "z"]
    (detail,) = details(read)
    assert detail.startswith("row 2: has text after a closing quotation mark")
    read = read_text(tmp_path, "\n".join([*lines, ""]))
    assert ids(read) == [str(n) for n in range(50)]
    assert details(read) == ["row 2: opens a quotation mark that is never closed"]


def test_too_few_too_many_and_too_long(tmp_path: Path) -> None:
    settings = CatalogueSettings(max_row_characters=1000)
    text = "item_id,image,title\na,a.jpg\nb,b.jpg,x,y\nc,c.jpg,z,,\nd,d.jpg," + "x" * 5000
    text += '\ne,e.jpg,"' + "x\n" * 999 + "\nf,f.jpg,t\n"
    read = read_text(tmp_path, text, settings=settings)
    assert ids(read) == ["c", "f"]
    found = details(read)
    assert found[0].startswith("row 2: has 2 values where the header has 3 columns")
    assert found[1].startswith("row 3: has 4 values")
    assert found[2].startswith("row 5: is too long")
    assert found[3].startswith("row 6: ")
    assert len(found) == 4 + 999 - 1


def test_bad_json_lines_are_rows(tmp_path: Path) -> None:
    good = '{"item_id": "%s", "images": ["a.jpg"]}'
    lines = [good % "a", "{", "[1]", "[" * 100_000, "NaN", good % "b", '{"item_id": "c"}']
    lines += ['{"item_id": "d", "image": "a.jpg", "images": ["b.jpg"]}']
    read = read_text(tmp_path, "\n".join(lines), name="c.jsonl")
    assert ids(read) == ["a", "b"]
    found = details(read)
    assert [detail.split(" ")[1] for detail in found] == ["2:", "3:", "4:", "5:", "7:", "8:"]
    assert "not valid JSON" in found[0]
    assert "not a JSON object but a list" in found[1]
    assert "nested too deeply" in found[2]
    assert "names no image" in found[4]
    assert "keep one of the two" in found[5]


@given(st.dictionaries(st.text(max_size=9), st.none() | st.floats() | st.text() | st.binary()))
def test_no_row_of_any_content_crashes(cells: dict[str, object]) -> None:
    for name in ("item_id", "image", "price", "updated_at", "in_stock", "url", "title"):
        for value in list(cells.values())[:3]:
            assert isinstance(check(**{**cells, name: value}), ItemRow | Rejected)
