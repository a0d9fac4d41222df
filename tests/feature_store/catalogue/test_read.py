"""The kinds of source, what they have in common, and the errors that name the file."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_store.catalogue.read import REJECTED, read_catalogue
from feature_store.catalogue.settings import CatalogueSettings
from feature_store.errors import CatalogueError
from feature_store.schemas import CATALOGUE
from tests.feature_store.catalogue.rows_of import details, ids, read_text, write_csv

ROW = {
    "item_id": "a-1",
    "image": "photos/a.jpg|https://cdn.example.com/b.jpg?w=1&h=2",
    "title": "A bag",
    "category": "bags",
    "segment": "ladies",
    "brand": "Kaban",
    "price": "1,299.00",
    "currency": "JPY",
    "url": "https://shop.example.com/a-1",
    "in_stock": "yes",
    "updated_at": "2026-01-02 03:04:05",
    "size": "M",
    "color": "red",
}


def expected(folder: Path) -> dict[str, object]:
    return {
        "item_id": "a-1",
        "images": [str(folder / "photos/a.jpg"), "https://cdn.example.com/b.jpg?w=1&h=2"],
        "title": "A bag",
        "category": "bags",
        "segment": "ladies",
        "brand": "Kaban",
        "price": 1299.0,
        "currency": "JPY",
        "url": "https://shop.example.com/a-1",
        "in_stock": True,
        "updated_at": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
        "attributes": '{"color":"red","size":"M"}',
    }


def write_jsonl(path: Path) -> Path:
    row = {**ROW, "image": ROW["image"].split("|"), "price": 1299, "in_stock": True}
    path.write_text("\n" + json.dumps(row) + "\n")
    return path


def write_parquet(path: Path) -> Path:
    row = {
        **ROW,
        "image": ROW["image"].split("|"),
        "price": 1299.0,
        "in_stock": 1,
        "updated_at": dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001 naive is what is tested
    }
    pq.write_table(pa.Table.from_pylist([row]), path)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_text_files_of_every_delimiter_and_mark(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    path = write_csv(tmp_path / "c.csv", [ROW], delimiter=delimiter, encoding=encoding)
    read = read_catalogue(str(path), CatalogueSettings())
    (row,) = read.items.to_pylist()
    row.pop("row_digest")
    assert row == expected(tmp_path)
    assert read.items.schema == CATALOGUE
    assert read.rejected.schema == REJECTED
    assert read.rejected.num_rows == 0
    assert read.source == str(path)


def test_every_kind_of_file_gives_the_same_row(tmp_path: Path) -> None:
    paths = [
        write_csv(tmp_path / "c.tsv", [ROW], delimiter="\t"),
        write_jsonl(tmp_path / "c.jsonl"),
        write_parquet(tmp_path / "c.parquet"),
    ]
    tables = [read_catalogue(str(path)).items for path in paths]
    assert tables[0].num_rows == 1
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_a_spreadsheets_separator_line_is_obeyed(tmp_path: Path) -> None:
    read = read_text(tmp_path, "sep=;\r\nitem_id;image\r\na;x.jpg\r\nb;\r\n")
    assert ids(read) == ["a"]
    assert details(read) == ["row 4: image names no image"]


def test_paths_are_absolute_even_when_the_location_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_text("item_id,images\na,./x/../y.jpg|/z.png\n")
    read = read_catalogue("c.csv")
    assert read.items["images"].to_pylist() == [[str(tmp_path / "y.jpg"), "/z.png"]]


def test_a_folder_of_images(tmp_path: Path) -> None:
    for name in ("bags/red/b.PNG", "shoes/a.jpg", "top.webp", "notes.txt", ".hidden.jpg", "a.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    read = read_catalogue(str(tmp_path))
    rows = read.items.select(["item_id", "images", "category", "updated_at"]).to_pylist()
    assert [(row["item_id"], row["category"]) for row in rows] == [
        ("a", None),
        ("b", "bags/red"),
        ("top", None),
    ]
    assert rows[1]["images"] == [str(tmp_path / "bags/red/b.PNG")]
    assert rows[1]["updated_at"] is None
    assert details(read) == [
        "row 3: 'notes.txt' is not named like an image",
        "row 4: item_id: 'a' is already in row 1, which counts",
    ]


def test_a_replaced_photo_in_a_folder_changes_the_row_and_copying_does_not(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    first = read_catalogue(str(tmp_path)).items["row_digest"].to_pylist()
    os.utime(photo, (1, 1))
    assert read_catalogue(str(tmp_path)).items["row_digest"].to_pylist() == first
    photo.write_bytes(b"two")
    assert read_catalogue(str(tmp_path)).items["row_digest"].to_pylist() != first


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("c.csv", "item-id,image\na,b\n", ["c.csv", "`item_id`", "did you mean `item-id`"]),
        ("c.csv", "Item ID,image\na,b\n", ["did you mean `Item ID`"]),
        ("c.csv", "sku,img\na,b\n", ["`item_id` is missing", "`image` is missing", "`sku`, `img`"]),
        ("c.csv", "item_id,image,images\na,b,c\n", ["both `image` and `images`"]),
        ("c.csv", "item_id,image,item_id\na,b,c\n", ["`item_id` appears 2 times"]),
        ("c.csv", "\n \n", ["empty"]),
        ("c.csv", "", ["empty (0 bytes)"]),
        ("c.csv", '"item_id,image\na,b\n', ["header in line 1", "never closed"]),
        ("c.jsonl", '{"id": 1, "image": "a"}\n', ["`item_id`", "Columns seen: `id`, `image`"]),
        ("c.jsonl", "\n\n", ["empty"]),
        ("c.jsonl", "item_id,image\n", ["no JSON Lines", "row 1"]),
        ("c.parquet", "PAR1 not really PAR1", ["c.parquet", "no readable Parquet"]),
        ("c.xlsx", "x", ["no known kind", ".parquet"]),
    ],
)
def test_one_clear_error(tmp_path: Path, name: str, content: str, words: list[str]) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_text(tmp_path, content, name=name)
    for word in words:
        assert word in str(caught.value)
    assert name in str(caught.value)


def test_a_missing_file_an_empty_folder_and_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"there is no catalogue at .*nothing\.csv"):
        read_catalogue(str(tmp_path / "nothing.csv"))
    with pytest.raises(CatalogueError, match="holds no image"):
        read_catalogue(str(tmp_path))
    os.mkfifo(tmp_path / "c.csv")
    with pytest.raises(CatalogueError, match="neither a file nor a folder"):
        read_catalogue(str(tmp_path / "c.csv"))


@pytest.mark.parametrize("name", ["c.csv", "c.jsonl"])
def test_a_wrong_encoding_is_located(tmp_path: Path, name: str) -> None:
    start = b"item_id,image\n" if name == "c.csv" else b'{"item_id": "a", "image": "b"}\n'
    text = start + b'"x","y"\n' * 9000 + "é".encode("latin-1") + b"\n"
    (tmp_path / name).write_bytes(text)
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(str(tmp_path / name))
    assert f"line 9002 has the byte 0xe9 at byte {len(text) - 2:,}" in str(caught.value)


def test_utf_16_and_a_cut_character_are_named(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes("item_id,image\na,b\n".encode("utf-16"))
    with pytest.raises(CatalogueError, match="UTF-16"):
        read_catalogue(str(path))
    path.write_bytes(b"item_id,image\na," + "ü".encode()[:1])
    with pytest.raises(CatalogueError, match="in the middle of a character"):
        read_catalogue(str(path))


def test_damaged_parquet_is_one_error(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet")
    content = bytearray(path.read_bytes())
    content[4:60] = b"\xff" * 56
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match="no readable Parquet"):
        read_catalogue(str(path))


def test_a_header_alone_is_an_empty_catalogue(tmp_path: Path) -> None:
    read = read_text(tmp_path, "item_id,image\n")
    assert read.items.num_rows == read.rejected.num_rows == 0
    assert read.items.schema == CATALOGUE


def test_batches_do_not_show(tmp_path: Path) -> None:
    text = "item_id,image,price\n" + "".join(f"{n},{n}.jpg,{n % 3 - 1}\n" for n in range(20))
    text += "5,again.jpg,1\n"
    whole = read_text(tmp_path, text)
    parts = read_text(tmp_path, text, settings=CatalogueSettings(batch_rows=3))
    assert whole.items.equals(parts.items)
    assert whole.rejected.equals(parts.rejected)
    assert details(whole)[-1] == "row 22: item_id: '5' is already in row 7, which counts"
