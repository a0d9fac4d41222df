"""What is exported of each item, and the files, called shards, in which a reader finds it.

An item is in the shard whose number is the CRC-32 of its id's UTF-8 bytes modulo the number of
shards: a page computes that in three lines, also where `crypto.subtle` is refused (plain http).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from feature_store.bundle.rules import Rules
from feature_store.bundle.view import View
from serving.answers import Answers
from serving.parameters import SimilarQuestion, Terms
from serving.pieces import encode, encode_text

SHARD_BYTES = 128 * 1024
"""About as large is a shard; compressed it is a tenth of that, so that one is soon there."""
_SAMPLED = 256
"""Items that tell how many bytes an item takes."""
_NO_ITEM = ""
"""An id that no item can have."""


def shard_of(item_id: str, shards: int) -> int:
    """Return the number of the shard in which an item is."""
    return zlib.crc32(item_id.encode()) % shards


class Shards:
    """The shards of all items that a bundle and its tier answer for.

    The same answers and the same `k` make the same bytes.
    """

    def __init__(self, answers: Answers, k: int) -> None:
        """Choose how many shards there are; `k` look-alikes of each region are kept."""
        self._answers = answers
        self._k = k
        self.item_ids = _item_ids(answers)
        sample = self.item_ids[:: 1 + len(self.item_ids) // _SAMPLED]
        sampled_bytes = sum(len(self._member(item_id)) for item_id in sample)
        mean_bytes = sampled_bytes / max(1, len(sample))
        self.count = max(1, round(len(self.item_ids) * mean_bytes / SHARD_BYTES))

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Yield each shard's number and its JSON: an object of entries by their items' ids."""
        by_shard: list[list[str]] = [[] for _ in range(self.count)]
        for item_id in self.item_ids:
            by_shard[shard_of(item_id, self.count)].append(item_id)
        for number, item_ids in enumerate(by_shard):
            members = b",\n".join(self._member(item_id) for item_id in item_ids)
            yield number, b"{%b}\n" % members

    def entry(self, item_id: str) -> dict[str, Any]:
        """Return the answer about an item, without a query's id, and with two members more.

        `item` is what `/v1/items/{id}` says, `regions` are the hits of its other regions by their
        ids: what is asked when a shopper clicks another product in the photo.
        """
        answer = self._similar(item_id)
        item = json.loads(self._answers.item(item_id))
        regions = [region for image in item["images"] for region in image["regions"]]
        others = {region["region_id"]: None for region in regions}
        others.pop(answer["region_id"], None)
        hits = {region: self._similar(item_id, region)["hits"] for region in others}
        return {**answer, "item": item, "regions": hits}

    def unknown(self) -> bytes | None:
        """Return the answer about an item that is not there: stand-ins, None where there are none.

        Its `item_id` is null.
        """
        answer = self._similar(_NO_ITEM)
        return encode({**answer, "item_id": None}) if answer["hits"] else None

    def _member(self, item_id: str) -> bytes:
        return b"%b:%b" % (encode_text(item_id), encode(self.entry(item_id)))

    def _similar(self, item_id: str, region_id: str | None = None) -> dict[str, Any]:
        question = SimilarQuestion(Terms(Rules(limit=self._k), fallback=True), region_id)
        answer: dict[str, Any] = json.loads(self._answers.similar("", item_id, question).body)
        del answer["query_id"]
        return answer


def _item_ids(answers: Answers) -> list[str]:
    """Return the ids of all items that can be asked about, in the order of their bytes."""
    ids: list[str] = answers.bundle.items["item_id"].to_pylist()
    if answers.tier is not None:
        ids = ids + answers.tier.items["item_id"].to_pylist()
    live = View(answers.bundle, answers.tier).live_items()
    return sorted((ids[number] for number in live), key=lambda item_id: item_id.encode())
