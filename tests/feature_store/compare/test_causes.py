"""Every cause is told from the others, each on a change that has no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import open_bundle
from feature_store.compare.causes import Causes
from feature_store.compare.churn import compare_rows
from feature_store.compare.sides import Pair
from feature_store.schemas import WHOLE
from tests.feature_store.compare.circle import (
    OTHER,
    PRODUCT,
    Made,
    Thing,
    row_of_things,
    write_bundle,
)

NAMES = ["kept", "catalogue", "photo", "detector", "extractor", "index"]


def told(
    home: Path,
    before: list[Thing],
    after: list[Thing],
    asked: str,
    made: tuple[Made, Made] = (Made(), Made()),
) -> tuple[dict[str, str], dict[str, str]]:
    """What became of each look-alike of one item, before and after, by its id."""
    folders = [
        write_bundle(home, name, things, how)
        for name, things, how in zip(("a", "b"), (before, after), made, strict=True)
    ]
    pair = Pair(*(open_bundle(folder) for folder in folders))
    number = pair.after.numbers[pair.after.bundle.item_number(asked)]
    items = pair.both[pair.both == number]
    found = []
    for side, row in zip(
        (pair.before, pair.after), compare_rows(pair, Causes(pair), items, 3), strict=True
    ):
        ids = side.bundle.items["item_id"]
        found.append(
            {
                ids[int(side.places[item])].as_py(): NAMES[code]
                for item, code in zip(row.items[0], row.codes[0], strict=True)
                if item >= 0
            }
        )
    return found[0], found[1]


def changed(things: list[Thing], item_id: str, **how: object) -> list[Thing]:
    """The same things, of which one has something else about it."""
    return [replace(t, **how) if t.item_id == item_id else t for t in things]  # type: ignore[arg-type]


THINGS = row_of_things(9)  # the nearest of t00 are t01, t02, t03


def test_nothing_changed(tmp_path: Path) -> None:
    kept = dict.fromkeys(("t01", "t02", "t03"), "kept")
    assert told(tmp_path, THINGS, THINGS, "t00") == (kept, kept)


def test_a_newcomer_is_of_the_catalogue_and_so_is_whom_it_pushes_out(tmp_path: Path) -> None:
    before, after = told(tmp_path, THINGS, [*THINGS, Thing("new", 5)], "t00")
    assert before == {"t01": "kept", "t02": "kept", "t03": "catalogue"}
    assert after == {"new": "catalogue", "t01": "kept", "t02": "kept"}


def test_one_that_went_is_of_the_catalogue_and_so_is_who_moves_up(tmp_path: Path) -> None:
    before, after = told(tmp_path, THINGS, [t for t in THINGS if t.item_id != "t02"], "t00")
    assert before == {"t01": "kept", "t02": "catalogue", "t03": "kept"}
    assert after == {"t01": "kept", "t03": "kept", "t04": "catalogue"}


def test_a_new_photo_of_a_look_alike(tmp_path: Path) -> None:
    moved = changed(THINGS, "t01", photo="back", degrees=80)
    before, after = told(tmp_path, THINGS, moved, "t00")
    assert before == {"t01": "photo", "t02": "kept", "t03": "kept"}
    assert after == {"t02": "kept", "t03": "kept", "t04": "photo"}, "t04 moves up for the same"


def test_a_new_photo_of_the_asked_item(tmp_path: Path) -> None:
    moved = changed(THINGS, "t00", photo="back", degrees=61)
    before, after = told(tmp_path, THINGS, moved, "t00")
    assert set(before.values()) == set(after.values()) == {"photo"}


def test_a_photo_that_comes_nearer_pushes_out(tmp_path: Path) -> None:
    moved = changed(THINGS, "t07", photo="back", degrees=5)
    before, after = told(tmp_path, THINGS, moved, "t00")
    assert before["t03"] == "photo"
    assert after["t07"] == "photo"


def test_other_boxes_in_the_same_photo(tmp_path: Path) -> None:
    boxed = changed(THINGS, "t01", boxes=(WHOLE, PRODUCT), degrees=80)
    before, after = told(tmp_path, THINGS, boxed, "t00")
    assert before == {"t01": "detector", "t02": "kept", "t03": "kept"}
    assert after["t04"] == "detector"


@pytest.mark.parametrize(
    ("detector", "cause"),
    # The same detector saw the same boxes: others now vote for another of them.
    [("finder@000000000000", "catalogue"), ("seeker@000000000000", "detector")],
)
def test_another_region_stands_for_the_item(tmp_path: Path, detector: str, cause: str) -> None:
    old = changed(THINGS, "t01", boxes=(WHOLE, OTHER, PRODUCT))
    new = changed(THINGS, "t01", boxes=(WHOLE, PRODUCT, OTHER), degrees=80)
    before, after = told(tmp_path, old, new, "t00", (Made(), Made(detector=detector)))
    assert before["t01"] == cause
    assert after["t04"] == cause


def test_another_region_stands_for_it_since_its_category_changed(tmp_path: Path) -> None:
    old = changed(THINGS, "t01", boxes=(WHOLE, OTHER, PRODUCT), category="bags")
    new = changed(THINGS, "t01", boxes=(WHOLE, PRODUCT, OTHER), degrees=80, category="hats")
    made = (Made(), Made(detector="seeker@000000000000", extractor="lens@111111111111"))
    before, after = told(tmp_path, old, new, "t00", made)
    assert before["t01"] == "catalogue"
    assert after["t04"] == "catalogue"


def test_another_category_alone_explains_nothing(tmp_path: Path) -> None:
    new = changed(THINGS, "t03", category="hats")
    swapped = (Made(), Made(swaps=(("t00", "t03", "t05"), ("t00", "t05", "t03"))))
    before, after = told(tmp_path, THINGS, new, "t00", swapped)
    assert (before["t03"], after["t05"]) == ("index", "index")


@pytest.mark.parametrize("subject_moves", [False, True])
def test_another_extractor(tmp_path: Path, subject_moves: bool) -> None:
    """Which region stands for an item is a vote among vectors: that is the extractor's, too."""
    boxes = (WHOLE, OTHER, PRODUCT)
    old = changed(THINGS, "t01", boxes=boxes)
    last = (WHOLE, PRODUCT, OTHER) if subject_moves else boxes
    new = changed(THINGS, "t01", boxes=last, degrees=80)
    other = (Made(), Made(extractor="lens@111111111111"))
    before, after = told(tmp_path, old, new, "t00", other)
    assert before == {"t01": "extractor", "t02": "kept", "t03": "kept"}
    assert after["t04"] == "extractor"


def test_a_newcomer_comes_before_another_extractor(tmp_path: Path) -> None:
    other = (Made(), Made(extractor="lens@111111111111"))
    before, after = told(tmp_path, THINGS, [*THINGS, Thing("new", 5)], "t00", other)
    assert (before["t03"], after["new"]) == ("catalogue", "catalogue")


def test_what_nothing_explains_is_the_indexs(tmp_path: Path) -> None:
    swapped = (Made(), Made(swaps=(("t00", "t02", "t05"), ("t00", "t05", "t02"))))
    before, after = told(tmp_path, THINGS, THINGS, "t00", swapped)
    assert before == {"t01": "kept", "t02": "index", "t03": "kept"}
    assert after == {"t01": "kept", "t05": "index", "t03": "kept"}


def test_who_stood_there_before_has_pushed_nobody_out(tmp_path: Path) -> None:
    # t01 has another photo, but was and is the nearest: it is not why t03 went.
    swapped = (Made(), Made(swaps=(("t00", "t03", "t04"), ("t00", "t04", "t03"))))
    before, after = told(tmp_path, THINGS, changed(THINGS, "t01", photo="back"), "t00", swapped)
    assert before == {"t01": "kept", "t02": "kept", "t03": "index"}
    assert after == {"t01": "kept", "t02": "kept", "t04": "index"}


def test_one_newcomer_pushes_one_out_and_no_more(tmp_path: Path) -> None:
    swapped = (Made(), Made(swaps=(("t00", "t01", "t06"), ("t00", "t06", "t01"))))
    before, after = told(tmp_path, THINGS, [*THINGS, Thing("new", 5)], "t00", swapped)
    assert before == {"t01": "index", "t02": "kept", "t03": "catalogue"}
    assert after == {"new": "catalogue", "t06": "index", "t02": "kept"}


def test_lists_no_longer_than_what_is_compared(tmp_path: Path) -> None:
    short = (Made(neighbours=3), Made(neighbours=3))
    newcomers = [Thing("new1", 1), Thing("new2", 2)]
    before, _ = told(tmp_path, THINGS, [*THINGS, *newcomers], "t00", short)
    assert before == {"t01": "kept", "t02": "catalogue", "t03": "catalogue"}


def test_in_short_lists_one_newcomer_pushes_one_out_and_no_more(tmp_path: Path) -> None:
    short = (Made(neighbours=3), Made(neighbours=3, swaps=(("t00", "t01", "t06"),)))
    before, after = told(tmp_path, THINGS, [*THINGS, Thing("new", 5)], "t00", short)
    assert sorted(before.values()) == ["catalogue", "index", "kept"]
    assert after == {"new": "catalogue", "t06": "index", "t02": "kept"}


def test_an_item_in_another_segment(tmp_path: Path) -> None:
    old = row_of_things(9, segment="men")
    cut = (Made(segmented=True), Made(segmented=True))
    before, after = told(tmp_path, old, changed(old, "t01", segment="ladies"), "t00", cut)
    assert before == {"t01": "catalogue", "t02": "kept", "t03": "kept"}
    assert after["t04"] == "catalogue"


def test_a_bundle_that_is_cut_for_the_first_time(tmp_path: Path) -> None:
    old = [replace(t, segment="men" if n % 2 else "ladies") for n, t in enumerate(THINGS)]
    before, after = told(tmp_path, old, old, "t00", (Made(), Made(segmented=True)))
    assert before == {"t01": "index", "t02": "kept", "t03": "index"}
    assert after == {"t02": "kept", "t04": "index", "t06": "index"}


def test_a_catalogue_smaller_than_what_is_compared(tmp_path: Path) -> None:
    before, after = told(tmp_path, THINGS[:2], THINGS[:3], "t00")
    assert before == {"t01": "kept"}
    assert after == {"t01": "kept", "t02": "catalogue"}


def test_what_differs_of_an_item(tmp_path: Path) -> None:
    boxes = (WHOLE, OTHER, PRODUCT)
    old = [Thing(name, 10.0 * n, boxes=boxes) for n, name in enumerate("abcdefgh")]
    old[7] = replace(old[7], also=(OTHER,))
    new = [
        replace(old[0], photo="back"),
        replace(old[1], boxes=(WHOLE, PRODUCT)),
        replace(old[2], boxes=(WHOLE, PRODUCT, OTHER)),
        replace(old[3], also=(OTHER,)),
        replace(old[4], category="hats"),
        old[5],
        replace(old[7], boxes=(WHOLE, PRODUCT, OTHER), also=(PRODUCT,)),
        Thing("z", 5.0),
    ]
    folders = [write_bundle(tmp_path, name, t) for name, t in (("old", old), ("new", new))]
    pair = Pair(*(open_bundle(folder) for folder in folders))
    found = pair.differences()
    ids = dict(zip((*"abcdefhz", "g"), range(9), strict=True))  # those of the later bundle first
    told = {name: {i for i, n in ids.items() if mask[n]} for name, mask in vars(found).items()}
    assert told == {
        "photos": {"a"},
        "boxes": {"a", "b"},
        "subject": {"a", "c", "d", "h"},
        "category": {"e"},
        "segment": set(),
    }
