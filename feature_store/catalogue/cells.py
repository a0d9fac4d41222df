"""One catalogue value at a time: text to price, date, flag or address, or a ValueError saying why.

The values are hostile: nothing here evaluates, fetches or unescapes anything. Every parser takes
what a source gave (text, or a JSON or Parquet value) and raises ValueError with words that read on
after the value itself: "'-3' is negative".
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
import unicodedata

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_CURRENCY_WORD = re.compile(r"[A-Z]{3}|円|元|원")
_URL = re.compile(r"https?://[^\s/?#\\@:]+(?::[0-9]{1,5})?(?:[/?#][^\s\x00-\x1f\x7f]*)?", re.I)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that no id and no path may hold: controls and Unicode line ends."""

_FLAGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "in stock", "instock", "available"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "out of stock", "outofstock"), False),
    **dict.fromkeys(("sold out", "unavailable"), False),
}


def shown(value: object) -> str:
    """The value as a message shows it: quoted, escaped and at most about 80 characters long."""
    text = value if isinstance(value, str) else str(value)
    return repr(text[:77] + "…" if len(text) > 78 else text)


def parse_text(value: object) -> str | None:
    """Text without outer white space; None for nothing. Whole floats (12.0) read as 12."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | int | float | decimal.Decimal):
        return _number_text(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode().strip() or None
        except UnicodeDecodeError:
            raise ValueError("is bytes that are not UTF-8 text") from None
    raise ValueError("is a list or an object where text is expected")


def _number_text(value: float | decimal.Decimal) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_attribute(value: object) -> str | None:
    """As `parse_text`, but a list or an object becomes its JSON text."""
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str) if value else None
    return parse_text(value)


def parse_item_id(value: object, max_bytes: int) -> str:
    """The item's id: not empty, at most `max_bytes` of UTF-8, one line, no control characters."""
    text = parse_text(value)
    if text is None:
        raise ValueError("is empty")
    if len(text.encode("utf-8", "replace")) > max_bytes:
        raise ValueError(f"is longer than {max_bytes:,} bytes")
    if CONTROL.search(text):
        raise ValueError("has a NUL, a line break or another control character")
    return text


def parse_price(value: object) -> float | None:
    """A finite price of 0 or more.

    Text may carry a currency sign or code before or after it, and commas between groups of three
    digits ("¥1,280", "1,299.00 USD"); the sign is dropped, the `currency` column alone says which
    currency. A decimal comma ("12,50") cannot be told from a typing error and is refused.
    """
    if isinstance(value, bool):
        raise ValueError("is not a number")
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("is not a finite number")
    text = parse_text(value)
    if text is None:
        return None
    number = _read_number(text)
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    if number < 0:
        raise ValueError("is negative")
    return number + 0.0  # turns -0.0 into 0.0, which digests differently


def _read_number(text: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    plain = _without_currency(unicodedata.normalize("NFKC", text[:100]).strip())
    if _GROUPED.fullmatch(plain):
        return float(plain.replace(",", ""))
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if plain.casefold().lstrip("+-") in ("nan", "inf", "infinity"):
        raise ValueError("is not a finite number")
    if re.fullmatch(r"[0-9.]+,[0-9]+", plain):
        raise ValueError("has a decimal comma; write a decimal point, as in 1299.50")
    raise ValueError("is not a number")


def _without_currency(text: str) -> str:
    head = re.match(r"([^0-9.,+\s-]{1,3})\s*(?=[0-9.+-])", text)
    tail = re.search(r"(?<=[0-9.])\s*([^0-9.,+\s-]{1,3})$", text)
    if head and _is_currency(head[1]):
        return text[head.end() :]
    if tail and _is_currency(tail[1]):
        return text[: tail.start()]
    return text


def _is_currency(word: str) -> bool:
    sign = len(word) == 1 and unicodedata.category(word) == "Sc"
    return sign or _CURRENCY_WORD.fullmatch(word) is not None


def parse_flag(value: object) -> bool | None:
    """True or False out of yes/no, true/false, 1/0, in stock/out of stock and the like."""
    if value is None or isinstance(value, bool):
        return value
    text = parse_text(value)
    if text is None:
        return None
    flag = _FLAGS.get(text.casefold().replace("_", " ").replace("-", " "))
    if flag is None:
        raise ValueError("is neither yes nor no (true/false, yes/no, 1/0, in stock/out of stock)")
    return flag


def parse_time(value: object) -> dt.datetime | None:
    """An ISO 8601 date, or date and time, in UTC; a time without a zone is UTC."""
    time: dt.datetime | None
    if isinstance(value, dt.datetime):
        time = value
    elif isinstance(value, dt.date):
        time = dt.datetime.combine(value, dt.time())
    else:
        text = value if isinstance(value, str) else parse_text(value)
        if text is None or not (text := text.strip()):
            return None
        time = _read_time(text)
    if time.tzinfo is None:
        return time.replace(tzinfo=dt.UTC)
    try:
        return time.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


def _read_time(text: str) -> dt.datetime:
    if len(text) >= 10 and text[4:5] == "-":  # 20260102 is as likely a number: only with dashes
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError("is not an ISO 8601 date or time, such as 2026-01-02 or 2026-01-02T03:04:05Z")


def parse_url(value: object) -> str | None:
    """An absolute http or https address without spaces, control characters or a password."""
    text = parse_text(value)
    if text is not None and not _URL.fullmatch(text):
        raise ValueError("is not an http:// or https:// address")
    return text
