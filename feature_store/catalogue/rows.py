"""One source row to one valid catalogue row, or to the reasons why it cannot be used."""

from __future__ import annotations

import hashlib
import json
import os.path
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from feature_store.catalogue import cells
from feature_store.catalogue.columns import IMAGE_NAMES, KNOWN
from feature_store.catalogue.settings import CatalogueSettings

_ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(data|javascript|file):", re.I)
_PARSERS: tuple[tuple[str, Callable[[object], object]], ...] = (
    ("title", cells.parse_text),
    ("category", cells.parse_text),
    ("segment", cells.parse_text),
    ("brand", cells.parse_text),
    ("price", cells.parse_price),
    ("currency", cells.parse_text),
    ("url", cells.parse_url),
    ("in_stock", cells.parse_flag),
    ("updated_at", cells.parse_time),
)
_MAX_PROBLEMS = 10


class SourceRow(NamedTuple):
    """A row as its source gave it; `problem` says why there are no `cells`, if there are none."""

    number: int
    cells: Mapping[str, Any]
    problem: str | None = None
    fingerprint: str | None = None


class Rejected(NamedTuple):
    """A row that cannot be used: its id and first image as far as readable, and the reasons."""

    number: int
    item_id: str
    image: str
    detail: str


class ItemRow(NamedTuple):
    """A valid row, in the order of `schemas.CATALOGUE`."""

    item_id: str
    images: list[str]
    title: str | None
    category: str | None
    segment: str | None
    brand: str | None
    price: float | None
    currency: str | None
    url: str | None
    in_stock: bool | None
    updated_at: Any
    attributes: str
    row_digest: str


@dataclass(frozen=True)
class RowChecker:
    """Checks rows one by one; relative image paths are resolved against `folder`."""

    folder: str
    settings: CatalogueSettings

    def check(self, row: SourceRow) -> ItemRow | Rejected:
        """The valid row, or every reason against it in one sentence that names the row."""
        if row.problem is not None:
            return _rejected(row, [row.problem])
        problems: list[str] = []
        values = {
            "item_id": self._parsed(row, "item_id", self._item_id, problems),
            "images": self._images(row, problems),
        }
        for name, parse in _PARSERS:
            values[name] = self._parsed(row, name, parse, problems)
        values["attributes"] = self._attributes(row, problems)
        if problems:
            return _rejected(row, problems)
        try:
            digest = _row_digest(values, row.fingerprint)
        except UnicodeEncodeError as error:
            wrong = cells.shown(error.object[error.start : error.end])
            return _rejected(row, [f"{wrong} is no Unicode character (half a surrogate pair)"])
        return ItemRow(**values, row_digest=digest)

    def _item_id(self, value: object) -> str:
        return cells.parse_item_id(value, self.settings.max_item_id_bytes)

    def _parsed(
        self,
        row: SourceRow,
        name: str,
        parse: Callable[[object], object],
        problems: list[str],
    ) -> Any:
        value = row.cells.get(name)
        try:
            if type(value) is not str or len(value) > self.settings.max_field_characters:
                self._check_length(value)
            return parse(value)
        except ValueError as error:
            problems.append(_sentence(name, value, error))
            return None

    def _check_length(self, value: object) -> None:
        if isinstance(value, str | bytes) and len(value) > self.settings.max_field_characters:
            raise ValueError(f"is longer than {self.settings.max_field_characters:,} characters")

    def _images(self, row: SourceRow, problems: list[str]) -> list[str]:
        """The images in the shop's order, each an address or an absolute path."""
        name, *others = [name for name in IMAGE_NAMES if row.cells.get(name)] or ["image"]
        value = row.cells.get(name)
        try:
            if others:
                raise ValueError("stands beside `images`; keep one of the two")
            self._check_length(value)
            given = value if isinstance(value, list | tuple) else _split(value)
            images = [self._image(each) for each in given if not _is_blank(each)]
            if not images:
                raise ValueError("names no image")
            if len(images) > self.settings.max_images:
                raise ValueError(f"names more than {self.settings.max_images} images")
        except ValueError as error:
            problems.append(_sentence(name, value, error))
            return []
        return images

    def _image(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("holds something that is not text")
        self._check_length(value)
        text = value.strip()
        if cells.CONTROL.search(text):
            raise ValueError("has a NUL, a line break or another control character")
        scheme = _SCHEME.match(text)
        if scheme is None:
            return os.path.normpath(os.path.join(self.folder, text))  # noqa: PTH118 a hot path
        if (scheme[1] or "").lower() not in ("http", "https", "gs"):
            raise ValueError("is neither a path nor an https://, http:// or gs:// address")
        return text

    def _attributes(self, row: SourceRow, problems: list[str]) -> str:
        attributes = {}
        for name in row.cells:
            if name not in KNOWN and name.strip():
                text = self._parsed(row, name, self._attribute, problems)
                if text is not None:
                    attributes[name] = text
        return _ENCODE(attributes) if attributes else "{}"

    def _attribute(self, value: object) -> str | None:
        text = cells.parse_attribute(value)
        self._check_length(text)
        return text


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _split(value: object) -> list[str]:
    text = cells.parse_text(value)
    return [] if text is None else [part.strip() for part in text.split("|")]


def _row_digest(values: Mapping[str, Any], fingerprint: str | None) -> str:
    """SHA-256 of the row's canonical JSON (sorted keys, UTF-8) without `updated_at`.

    `fingerprint` stands for image contents that only a folder knows without fetching anything.
    """
    content = {name: value for name, value in values.items() if name != "updated_at"}
    if fingerprint is not None:
        content["fingerprint"] = fingerprint
    return hashlib.sha256(_ENCODE(content).encode()).hexdigest()


def _sentence(name: str, value: object, error: ValueError) -> str:
    empty = value is None or value == ""
    return f"{name} {error}" if empty else f"{name}: {cells.shown(value)} {error}"


def _rejected(row: SourceRow, problems: list[str]) -> Rejected:
    image = row.cells.get("image") or row.cells.get("images")
    first = image[0] if isinstance(image, list | tuple) and image else image
    detail = f"row {row.number}: {'; '.join(problems[:_MAX_PROBLEMS])}"
    return Rejected(
        row.number, _readable(row.cells.get("item_id")), _readable(first), _valid(detail)
    )


def _readable(value: object) -> str:
    text = "" if value is None or isinstance(value, list | dict) else str(value).strip()
    return _valid(text[:500])


def _valid(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
