from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from PIL import Image

from feature_store.index.curve import WIDTH, Line, draw_curve, draw_curves
from feature_store.index.evaluate import CurvePoint
from feature_store.index.sheet import CELL_PX, Cell, draw_sheet

CURVE = [
    CurvePoint(0.0, 30, 0.90, 0.95, 9000.0),
    CurvePoint(0.05, 30, 0.99, 1.0, 4000.0),
    CurvePoint(0.0, 50, 0.97, 1.0, 5000.0),
]
SVG = "{http://www.w3.org/2000/svg}"


def test_the_curve_shows_every_point_and_the_chosen_one() -> None:
    drawn = ET.fromstring(draw_curve(CURVE, CURVE[1], 0.99))
    circles = drawn.findall(f"{SVG}circle")
    assert len(circles) == 4
    rows = {c.get("cy") for c in circles if c.get("r") == "7"}
    assert rows == {circles[1].get("cy")}
    assert len(drawn.findall(f"{SVG}polyline")) == 2
    higher, lower = float(circles[1].get("cy", 0)), float(circles[0].get("cy", 0))
    assert higher < lower


def test_segments_are_drawn_over_one_another_without_what_another_setting_beats() -> None:
    beaten = CurvePoint(0.3, 30, 0.95, 1.0, 4000.0)
    lines = [Line("men & ladies", [*CURVE, beaten], CURVE[1]), Line("", CURVE[:2], CURVE[0])]
    drawn = ET.fromstring(draw_curves(lines, 0.99))
    titles = [title.text or "" for title in drawn.iter(f"{SVG}title")]
    assert sum(title.startswith("men & ladies:") for title in titles) == 3
    assert not any("0.9500" in title for title in titles)
    assert len(drawn.findall(f"{SVG}polyline")) == 2
    assert sum(circle.get("r") == "7" for circle in drawn.findall(f"{SVG}circle")) == 2


def test_a_name_may_hold_what_xml_does_not_allow() -> None:
    lines = [Line("a\x00\x1b\uffff<b>", CURVE, CURVE[1]), Line("", CURVE[:2], CURVE[0])]
    drawn = "".join(ET.fromstring(draw_curves(lines, 0.99)).itertext())
    assert "a\ufffd\ufffd\ufffd<b>: epsilon" in drawn


def test_the_last_speed_ends_inside_the_picture() -> None:
    fast = CurvePoint(0.0, 10, 1.0, 1.0, 116_060.0)
    texts = ET.fromstring(draw_curve([fast], fast, 0.99)).findall(f"{SVG}text")
    speeds = {text.text: text for text in texts if "," in (text.text or "")}
    assert list(speeds)[::4] == ["100,000", "180,000"]
    assert speeds["180,000"].get("text-anchor") == "end"
    assert float(speeds["180,000"].get("x", "inf")) <= WIDTH


def test_what_was_tried_with_other_edges_is_a_line_of_its_own() -> None:
    fewer = CurvePoint(0.05, 30, 0.99, 1.0, 5000.0, edges=15)
    drawn = ET.fromstring(draw_curve([*CURVE, fewer], fewer, 0.99))
    assert len(drawn.findall(f"{SVG}polyline")) == 3
    assert "30, 15 edges" in {text.text for text in drawn.findall(f"{SVG}text")}


def test_one_point_is_a_curve_too() -> None:
    one = CurvePoint(0.0, 10, 1.0, 1.0, 1000.0)
    ET.fromstring(draw_curve([one], one, 0.99))


def test_the_sheet_shows_thumbnails_boxes_and_gaps(tmp_path: Path) -> None:
    red = tmp_path / "red.jpg"
    Image.new("RGB", (200, 100), "red").save(red)
    whole, part = (0.0, 0.0, 1.0, 1.0), (0.25, 0.25, 0.75, 0.75)
    rows = [
        [Cell(red, whole, "one"), Cell(red, part, "two"), Cell(tmp_path / "none.jpg", whole, "三")],
        [Cell(red, whole, "<four>")],
    ]
    draw_sheet(rows, tmp_path / "report" / "sheet.jpg")
    with Image.open(tmp_path / "report" / "sheet.jpg") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    assert pixels.shape[1] > 3 * CELL_PX
    red_share = ((pixels[..., 0] > 200) & (pixels[..., 1] < 60)).mean()
    grey_share = (np.abs(pixels - 0xDD).max(axis=2) < 6).mean()
    assert red_share > 0.1
    assert grey_share > 0.05


def test_a_damaged_thumbnail_is_grey(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jpg", [tmp_path / f"{name}.jpg" for name in ("cut", "huge", "no")]
    Image.new("RGB", (200, 100), "red").save(good)
    data = good.read_bytes()
    size = data.index(b"\xff\xc0") + 5
    bad[0].write_bytes(data[:300])
    bad[1].write_bytes(data[:size] + b"\xff" * 4 + data[size + 4 :])
    bad[2].mkdir()
    whole = (0.0, 0.0, 1.0, 1.0)
    draw_sheet([[Cell(path, whole, "x") for path in (good, *bad)]], tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    grey = (np.abs(pixels - 0xDD).max(axis=2) < 6).sum()
    assert grey > 2.5 * CELL_PX**2


def test_an_empty_sheet_is_a_picture(tmp_path: Path) -> None:
    draw_sheet([], tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
