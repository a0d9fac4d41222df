"""The folder of an export: replaced at once, never twice, never another's, and never too much."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.serving.shop_bundle import PLAIN, build_shop
from tests.serving.static.exporting import Reader, bytes_of, export, run_export, times_of

MARK = ".nitamono-static"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_shop(tmp_path / "home")
    return tmp_path / "home"


def test_the_same_bundle_makes_the_same_bytes(home: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export(home, tmp_path / name, "--photos")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_again_writes_nothing(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "63 items" in export(home, out, "--photos")
    before = times_of(out)
    assert "already there" in export(home, out, "--photos")
    assert times_of(out) == before


def test_another_bundle_is_another_folder_and_older_ones_go_by_and_by(
    home: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(home, out, "--photos")
    first = Reader(out)
    photos = {path.name for path in (out / "images").iterdir()}
    build_shop(home, "shop-2", without=PLAIN)
    export(home, out, "--photos")
    second = Reader(out)
    assert second.entry(PLAIN) is None
    assert first.entry(PLAIN) is not None  # who read the index before still finds the rest
    assert second.index["kept"] == [second.index["folder"], first.index["folder"]]
    export(home, out, "--photos", "--k", "5", "--keep", "1")
    assert [path.name for path in out.iterdir() if path.name.startswith("shop-")] == [
        Reader(out).index["folder"]
    ]
    left = {path.name for path in (out / "images").iterdir()}
    assert left < photos


def test_going_back_writes_no_answers_again(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, out)
    first = Reader(out)
    build_shop(home, "shop-2", without=PLAIN)
    export(home, out)
    before = times_of(out / first.index["folder"])
    export(home, out, "shop-1")
    assert Reader(out).index["folder"] == first.index["folder"]
    assert times_of(out / first.index["folder"]) == before


def test_what_a_killed_export_left_half_is_removed(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, out)
    folder = Reader(out).folder
    half = out / f".writing-{folder.name}"
    folder.rename(half)
    (half / "0.json").unlink()
    export(home, out)
    assert not half.exists()
    assert Reader(out).entry(PLAIN) is not None


def test_a_failed_export_leaves_what_is_there(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, out)
    before = bytes_of(out)
    folder = build_shop(home, "shop-2")
    (folder / "regions.arrow").write_bytes(b"no table")
    done = run_export(home, out)
    assert done.returncode == 1
    assert "regions.arrow" in done.stderr
    assert bytes_of(out) == before


def test_a_folder_of_somebody_else_is_refused(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "public"
    out.mkdir()
    (out / "index.html").write_text("mine")
    done = run_export(home, out)
    assert done.returncode == 1
    assert "no export wrote" in done.stderr
    assert [path.name for path in out.iterdir()] == ["index.html"]
    assert run_export(home, out / "index.html").returncode == 1
    (tmp_path / "empty").mkdir()
    export(home, tmp_path / "empty")


def test_two_exports_do_not_meet(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, out)
    with (out / MARK).open("a") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        done = run_export(home, out)
    assert done.returncode == 1
    assert "another export" in done.stderr


def test_it_is_said_where_photos_are_missing(home: Path, tmp_path: Path) -> None:
    assert "--photos" in export(home, tmp_path / "none")
    based = export(home, tmp_path / "based", "--image-base", "https://images.shop.example/a")
    assert "--photos" not in based
    index = Reader(tmp_path / "based").index
    assert index["image_base"] == "https://images.shop.example/a/"
    photo = next((home / "thumbnails").rglob("*.jpg"))
    photo.unlink()
    assert f"{photo.name}" in export(home, tmp_path / "all", "--photos")


@pytest.mark.parametrize("base", ["javascript:alert(1)", "images", "//host/a", "https://h/?a=1"])
def test_an_image_base_that_is_no_address_is_refused(home: Path, tmp_path: Path, base: str) -> None:
    done = run_export(home, tmp_path / "out", "--image-base", base)
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()


def test_without_a_bundle_it_says_what_to_do(tmp_path: Path) -> None:
    done = run_export(tmp_path, tmp_path / "out")
    assert done.returncode == 1
    assert "nothing has been published" in done.stderr
