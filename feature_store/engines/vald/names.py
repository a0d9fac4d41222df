"""The id of a region in a Vald cluster, which can be turned back into an item and a region.

Vald asks of an id only that it is a text and not empty. An item id is any text of up to 2 kB, a
region id 16 hex digits: so the last colon always parts the two, whatever the item id holds.
"""

from __future__ import annotations

import re

_OURS = re.compile(r"(.+):([0-9a-f]{16})", re.DOTALL)


def vector_id(item_id: str, region_id: str) -> str:
    """Return the id of a region; ValueError if it could not be turned back."""
    name = f"{item_id}:{region_id}"
    if parted(name) != (item_id, region_id):
        raise ValueError(f"region {region_id!r} of item {item_id!r} has no possible id in Vald")
    return name


def parted(name: str) -> tuple[str, str] | None:
    """Return the item id and the region id of a vector's id; None if it is not one of ours."""
    found = _OURS.fullmatch(name)
    return (found[1], found[2]) if found else None
