"""A home holds one shop at a time, and another shop's state is parked, not lost."""

from __future__ import annotations

from pathlib import Path

from operators.local.home import claim_home


def test_a_new_home_is_claimed(tmp_path: Path) -> None:
    claim_home(tmp_path / "home", "shop a")
    assert (tmp_path / "home" / "shop.txt").read_text() == "shop a"


def test_the_same_shop_keeps_its_state(tmp_path: Path) -> None:
    claim_home(tmp_path, "shop a")
    (tmp_path / "store").mkdir()
    claim_home(tmp_path, "shop a")
    assert (tmp_path / "store").exists()


def test_another_shop_finds_an_empty_home(tmp_path: Path) -> None:
    claim_home(tmp_path, "shop a")
    (tmp_path / "store").mkdir()
    claim_home(tmp_path, "shop b")
    assert not (tmp_path / "store").exists()
    assert (tmp_path / "shop.txt").read_text() == "shop b"


def test_a_shop_comes_back_to_its_own_state(tmp_path: Path) -> None:
    claim_home(tmp_path, "shop a")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "rows").write_text("of a")
    claim_home(tmp_path, "shop b")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "rows").write_text("of b")
    claim_home(tmp_path, "shop a")
    assert (tmp_path / "store" / "rows").read_text() == "of a"
    claim_home(tmp_path, "shop b")
    assert (tmp_path / "store" / "rows").read_text() == "of b"


def test_what_belongs_to_no_shop_stays(tmp_path: Path) -> None:
    claim_home(tmp_path, "shop a")
    (tmp_path / "demo").mkdir()
    claim_home(tmp_path, "shop b")
    assert (tmp_path / "demo").exists()
