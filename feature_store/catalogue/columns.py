"""Which columns a catalogue must have, may have, and has."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from feature_store.errors import CatalogueError

IMAGE_NAMES = ("image", "images")
"""The two accepted names of the column that holds an item's images."""

OPTIONAL = (
    "title",
    "category",
    "segment",
    "brand",
    "price",
    "currency",
    "url",
    "in_stock",
    "updated_at",
)
"""The columns with a meaning of their own that a catalogue may leave out."""

KNOWN = frozenset(("item_id", *IMAGE_NAMES, *OPTIONAL))
"""Every column with a meaning of its own; any other column becomes an attribute."""

JSON_LINES = (".jsonl", ".ndjson")
"""The endings of a file of JSON Lines, whose every row names its own columns."""

_SHOWN = 40


def check_columns(source: str, seen: Sequence[str]) -> None:
    """Raise one CatalogueError naming everything that is wrong with the columns `seen`.

    `source` is the file; `seen` its columns in order, with repetitions. A row of JSON Lines may
    choose between `image` and `images`, a header may not.
    """
    problems = [
        _missing(names, seen)
        for names in (("item_id",), IMAGE_NAMES)
        if not any(name in seen for name in names)
    ]
    if all(name in seen for name in IMAGE_NAMES) and not source.endswith(JSON_LINES):
        problems.append("it has both `image` and `images`: keep one of them")
    problems += [
        f"the column `{name}` appears {count} times"
        for name, count in Counter(seen).items()
        if name and count > 1
    ]
    if problems:
        raise CatalogueError(f"{source}: {'; '.join(problems)}. Columns seen: {_listed(seen)}")


def _missing(names: Sequence[str], seen: Sequence[str]) -> str:
    folded = {name.casefold().replace(" ", "_"): name for name in seen if name}
    close = [
        folded[match]
        for wanted in names
        for match in difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    ]
    hint = f" (did you mean `{close[0]}`? Rename it to `{names[0]}`)" if close else ""
    return f"the required column `{names[0]}` is missing{hint}"


def _listed(seen: Iterable[str]) -> str:
    names = [f"`{name[:60]}`" for name in seen]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) + more) or "none"
