"""What holds for every text file: written cells come back, and no text crashes the reader."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from feature_store.catalogue.read import read_catalogue
from feature_store.catalogue.settings import CatalogueSettings
from tests.feature_store.catalogue.rows_of import read_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), st.sampled_from(",;\t"))
def test_cells_come_back_as_they_were_written(cells: list[tuple[str, str]], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(["item_id", "image", "title", "note"])
            writer.writerows([number, "a.jpg", *row] for number, row in enumerate(cells))
        read = read_catalogue(str(path))
    assert read.rejected.num_rows == 0
    assert read.items["title"].to_pylist() == [title.strip() or None for title, _ in cells]
    notes = [json.loads(text).get("note", "") for text in read.items["attributes"].to_pylist()]
    assert notes == [note.strip() for _, note in cells]


@given(st.text(st.sampled_from('a",\n\r;|\x00 é'), max_size=60))
@example('"\r"\n\n"')
@example('x"\r\n"')
def test_no_text_crashes_and_no_line_goes_unheard(text: str) -> None:
    """A row of its own at the end is always found, whatever came before it closed its quotes."""
    settings = CatalogueSettings(max_row_characters=50)
    with tempfile.TemporaryDirectory() as folder:
        read = read_text(Path(folder), f"item_id,image\n{text}\nlast,last.jpg\n", settings=settings)
    rows = read.items.num_rows + read.rejected.num_rows
    assert rows >= 1
    open_quote = text.count('"') % 2 == 1
    assert open_quote or "last" in read.items["item_id"].to_pylist()


def test_every_good_row_survives_any_number_of_forgotten_quotes(tmp_path: Path) -> None:
    lines = ["item_id,image,title"]
    for number in range(300):
        lines += [f'bad{number},b.jpg,"oops', f"good{number},g.jpg,fine", f"more{number},m.jpg,ok"]
    read = read_text(tmp_path, "\n".join(lines))
    good = {f"{kind}{number}" for number in range(300) for kind in ("good", "more")}
    assert set(read.items["item_id"].to_pylist()) == good
    assert read.rejected.num_rows == 300
