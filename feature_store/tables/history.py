"""How far back a store can be read: which commits were superseded when, and what is still kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from feature_store.errors import StoreError
from feature_store.tables.commits import LoggedCommit, Retention


def superseded_at(log: list[LoggedCommit]) -> dict[int, dt.datetime]:
    """Return when each commit (by version) was followed by another one of its partition.

    A commit that has no time counts as made when the next one was that has. The newest commits of
    the partitions are not in the answer.
    """
    found: dict[int, dt.datetime] = {}
    followed: dict[str, dt.datetime | None] = {}
    later: dt.datetime | None = None
    for entry in reversed(log):
        commit = entry.commit
        later = commit.committed_at or later
        by = followed.get(commit.ds)
        if by is not None:
            found[commit.version] = by
        followed[commit.ds] = later
    return found


def last_holders(log: list[LoggedCommit]) -> dict[tuple[object, ...], LoggedCommit]:
    """Return, for a partition and what a commit of it holds, the last commit that holds the same.

    Its rows are the same to the bit, and kept for longest.
    """
    return {_key(entry): entry for entry in log}


def readable(
    entries: Iterable[LoggedCommit], log: list[LoggedCommit], retention: Retention | None
) -> list[LoggedCommit]:
    """Return commits of a log with pins that can still be read; StoreError if one has none."""
    holders, superseded = last_holders(log), superseded_at(log)
    found = []
    for entry in entries:
        holder = holders[_key(entry)]
        time = superseded.get(holder.commit.version)
        if retention and time is not None and time <= retention.forgotten:
            raise StoreError(
                f"the rows of version {entry.commit.version}, which {entry.commit.ds} had before "
                f"{time.isoformat(timespec='seconds')}, are no longer kept: the history goes back "
                f"{retention.keep_days} days"
            )
        found.append(replace(entry, pins=holder.pins))
    return found


def forgotten(log: list[LoggedCommit], until: dt.datetime) -> set[int]:
    """Return the versions whose rows nothing keeps once those superseded by `until` go."""
    superseded, holders = superseded_at(log), last_holders(log)
    return {
        entry.commit.version
        for entry in log
        if (time := superseded.get(holders[_key(entry)].commit.version)) and time <= until
    }


def _key(entry: LoggedCommit) -> tuple[object, ...]:
    return entry.commit.ds, *entry.holds
