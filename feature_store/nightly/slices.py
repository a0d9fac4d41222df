"""Slices: the groups of items over which a bundle is measured, and whom to ask in each of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.quality.index_gate import BRAND, NEWNESS, TAIL, Grouping, Sampling

Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

NO_BRAND, NEW, KNOWN, RARE, COMMON = "no brand", "new", "known", "rare", "common"
HIDDEN = {(NEWNESS, KNOWN), (TAIL, COMMON)}
"""The rest of a dimension: too like the whole to be judged by itself, but company for the small."""


@dataclass(frozen=True)
class Dimension:
    """One way to divide the items: each belongs to one slice of it."""

    name: str
    values: tuple[str, ...]
    """The slices; empty text for the items without a value."""
    codes: Ints
    """int32 (items,): which of `values` each item has."""


@dataclass(frozen=True)
class Pool:
    """What a slice is judged by: its own regions, or those of slices near to it, too."""

    dimension: str
    value: str
    code: int
    merged_with: tuple[str, ...]
    rows: Numbers
    """Its regions, numbers of the bundle."""
    sample: Numbers
    """Which of the regions that were asked for speak for it."""


def divide(
    items: pa.Table, grouping: Grouping, extra: str, live_ids: pa.Array | None
) -> list[Dimension]:
    """Divide `items` (schema ITEMS) in every way; ways that do not divide them are left out.

    `extra` is one more attribute, that by which the index is segmented; `live_ids` are the ids of
    the items in the live bundle, None if there is none.
    """
    found = [
        _by_value(name, attribute_of(items, name), grouping.most_values)
        for name in dict.fromkeys([*grouping.attributes, *filter(None, [extra])])
    ]
    found.append(_by_brand_size(items, grouping.brand_sizes))
    if live_ids is not None:
        known = _mask(pc.is_in(items["item_id"], value_set=live_ids))
        found.append(Dimension(NEWNESS, (NEW, KNOWN), known.astype(np.int32)))
    found.append(_by_rarity(items, grouping.tail_share))
    return [dimension for dimension in found if len(np.unique(dimension.codes)) > 1]


def attribute_of(items: pa.Table, name: str) -> pa.Array:
    """Return a column of the items, or an attribute of the catalogue's own, as text; null: none.

    A column of lists, such as the images, says nothing that items could be grouped by.
    """
    column_type = items.schema.field(name).type if name in items.column_names else None
    if column_type is not None and pa.types.is_nested(column_type):
        return pa.nulls(len(items), pa.string())
    if column_type is not None and name != "attributes":
        column = items[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # a column of no chunks stays one
            column = pa.concat_arrays([pa.array([], column.type), *column.chunks])
        return column.cast(pa.string())
    values = []
    for text in items["attributes"].to_pylist() if "attributes" in items.column_names else ():
        value = json.loads(text or "{}").get(name)
        values.append(None if value is None else str(value))
    return pa.array(values or [None] * len(items), pa.string())


def _by_value(name: str, column: pa.Array, most: int) -> Dimension:
    coded = pc.fill_null(column, "").dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)
    values = np.array([str(value) for value in coded.dictionary.to_pylist()], object)
    counts = np.bincount(codes, minlength=len(values))
    order = sorted(range(len(values)), key=lambda code: (-counts[code], values[code]))
    kept = order if len(order) <= most else order[: most - 1]
    place = np.full(len(values), len(kept), np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    named = [str(values[code]) for code in kept]
    if len(kept) < len(order):
        named.append(f"{len(order) - len(kept)} rarer ones together")
    return Dimension(name, tuple(named), place[codes])


def _by_brand_size(items: pa.Table, bounds: Sequence[int]) -> Dimension:
    sizes = _sizes(items, "brand")
    values = [NO_BRAND]
    for low, beyond in zip(bounds, [*bounds[1:], None], strict=True):
        if beyond is None:
            values.append(f"{low} or more items")
        elif beyond - 1 == low:
            values.append("1 item" if low == 1 else f"{low} items")
        else:
            values.append(f"{low} to {beyond - 1} items")
    codes = np.where(sizes > 0, np.searchsorted(np.asarray(bounds), sizes, "right"), 0)
    return Dimension(BRAND, tuple(values), codes.astype(np.int32))


def _by_rarity(items: pa.Table, share: float) -> Dimension:
    rare = np.zeros(len(items), np.bool_)
    for name in ("category", "brand"):
        sizes = _sizes(items, name)
        # Each item counts once among those of its value: how many items have values as rare?
        ordered = np.sort(sizes[sizes > 0])
        as_rare = np.searchsorted(ordered, sizes, "right")
        rare |= (sizes > 0) & (as_rare <= share * len(items))
    return Dimension(TAIL, (RARE, COMMON), np.where(rare, 0, 1).astype(np.int32))


def _sizes(items: pa.Table, name: str) -> Numbers:
    """Return how many items share each item's value; 0 for items without one."""
    coded = attribute_of(items, name).dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(coded.dictionary) + 1)
    return np.where(codes >= 0, counts[codes], 0)


def _mask(values: Any) -> Mask:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.bool_)


@dataclass(frozen=True)
class Sample:
    """The regions that are asked for, drawn at random: of all, and of every slice enough.

    Every region has one random rank, and each slice asks for those of its regions that rank first:
    a simple random sample of the slice, that shares with others what it can (a coordinated
    bottom-k sample; Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007).
    """

    rows: Numbers
    """Region numbers, in the order of their ranks."""
    overall: Numbers
    """Places in `rows` of those that speak for the whole."""
    of_slice: tuple[dict[int, Numbers], ...]
    """For each dimension: code → places in `rows` of those that speak for the slice."""


def draw(codes: Sequence[Ints], count: int, sampling: Sampling, seed: int) -> Sample:
    """Draw from `count` regions; `codes` has an int32 (count,) for each dimension, -1 for none."""
    order = np.random.default_rng(seed).permutation(count)
    most = sampling.most_queries
    overall = min(sampling.queries, most, count)
    ranks = [_rank_in_slice(of_dimension[order]) for of_dimension in codes]
    each, chosen = sampling.slice_queries, np.arange(count) < overall
    while each:
        wanted = np.arange(count) < overall
        for rank in ranks:
            wanted |= rank < each
        if wanted.sum() <= most:
            chosen = wanted
            break
        each = each * 3 // 4
    places = np.flatnonzero(chosen)
    of_slice = []
    for of_dimension, rank in zip(codes, ranks, strict=True):
        mine = of_dimension[order][places]
        speaks = rank[places] < max(each, 1)
        of_slice.append({int(c): np.flatnonzero(speaks & (mine == c)) for c in np.unique(mine)})
    return Sample(order[places], np.flatnonzero(places < overall), tuple(of_slice))


def _rank_in_slice(codes: Ints) -> Numbers:
    """Return how many regions of the same slice come before each; those of none come last."""
    by_code = np.argsort(codes, kind="stable")
    ordered = codes[by_code]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(codes)])
    rank = np.empty(len(codes), np.int64)
    rank[by_code] = np.arange(len(codes)) - np.repeat(starts, sizes)
    return np.where(codes >= 0, rank, len(codes))


def pools(
    dimension: Dimension, codes: Ints, sampled: dict[int, Numbers], asked: Floats, fewest: int
) -> Iterator[Pool]:
    """Yield what each slice of a dimension is judged by.

    `codes`: int32 (regions,), the slice of each region; `sampled`: code → places in `asked`,
    centred float32 (sample, dim). A slice with fewer than `fewest` sampled regions is judged
    together with others of its dimension, those with the nearest centroids first.
    """
    by_code = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[by_code], np.arange(len(dimension.values) + 1))
    rows = [by_code[a:b] for a, b in itertools.pairwise(bounds)]
    held = [code for code in range(len(dimension.values)) if len(rows[code])]
    places = {code: sampled.get(code, np.empty(0, np.int64)) for code in held}
    centroids = _centroids(asked, places)
    for code in held:
        if (dimension.name, dimension.values[code]) in HIDDEN:
            continue
        members, sample = [code], len(places[code])
        others = [other for other in held if other != code]
        for other in sorted(others, key=lambda o: -float(centroids[o] @ centroids[code])):
            if sample >= fewest:
                break
            members.append(other)
            sample += len(places[other])
        yield Pool(
            dimension.name,
            dimension.values[code],
            code,
            tuple(dimension.values[member] for member in members[1:]),
            np.concatenate([rows[member] for member in members]),
            np.concatenate([places[member] for member in members]),
        )


def _centroids(asked: Floats, places: dict[int, Numbers]) -> dict[int, Floats]:
    found = {}
    for code, mine in places.items():
        mean = asked[mine].mean(axis=0) if len(mine) else np.zeros(asked.shape[1], np.float32)
        found[code] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return found
