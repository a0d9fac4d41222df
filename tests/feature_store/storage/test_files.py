"""Small files, in a folder and in a bucket: one contract for both."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_store.errors import StorageError
from feature_store.storage import Files, open_files


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "folder":
        return open_files(str(tmp_path / "not there yet"))
    return open_files(f"gs://{request.getfixturevalue('bucket')}/some/prefix/")


def test_what_was_written_is_read(files: Files) -> None:
    files.write("a/b.txt", b"one")
    assert files.read("a/b.txt") == b"one"
    files.write("a/b.txt", b"two")
    assert files.read("a/b.txt") == b"two"
    assert files.names() == ["a/b.txt"]


def test_names_are_sorted_and_can_be_those_of_a_folder(files: Files) -> None:
    for name in ("b/2", "a/1", "ab/3", "b/1/deep", "a/.hidden"):
        files.write(name, b"")
    assert files.names() == ["a/1", "ab/3", "b/1/deep", "b/2"]
    assert files.names("a") == ["a/1"]
    assert files.names("none") == []


def test_a_file_that_is_not_there_is_missing(files: Files) -> None:
    with pytest.raises(StorageError) as error:
        files.read("a/b.txt")
    assert error.value.reason == "missing"
    files.delete("a/b.txt")
    assert files.names() == []


def test_what_was_deleted_is_gone(files: Files) -> None:
    files.write("a/b", b"1")
    files.write("a/c", b"2")
    files.delete("a/b")
    assert files.names() == ["a/c"]


def test_a_folder_goes_with_its_last_file_and_with_what_killed_writers_left(
    tmp_path: Path,
) -> None:
    files = open_files(str(tmp_path))
    files.write("a/b", b"1")
    (tmp_path / "a" / ".b.77.part").write_bytes(b"half")
    files.delete("a/b")
    assert list(tmp_path.iterdir()) == []
    files.write("top", b"1")
    files.delete("top")
    assert tmp_path.exists()


def test_a_folder_with_something_else_in_it_stays(tmp_path: Path) -> None:
    files = open_files(str(tmp_path))
    files.write("a/b", b"1")
    (tmp_path / "a" / ".mine").write_text("x")
    files.delete("a/b")
    assert (tmp_path / "a" / ".mine").exists()


def test_a_write_that_fails_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files(str(tmp_path))
    files.write("a/b", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write("a/b", b"new")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert files.read("a/b") == b"old"


def test_a_name_that_no_bucket_can_have_is_refused() -> None:
    with pytest.raises(StorageError, match="names no possible bucket"):
        open_files("gs://Not A Bucket/events")
