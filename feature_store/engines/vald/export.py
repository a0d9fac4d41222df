"""Bring the regions of a bundle into a Vald cluster: all of them, and on request nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial

from feature_store.engines.regions import BundleRegions
from feature_store.engines.vald.calls import Refusal, Settled
from feature_store.engines.vald.cluster import Cluster
from feature_store.engines.vald.names import parted, vector_id

Report = Callable[[str, int, int], None]
"""Takes what is being done, how much of it is done, and how much there is."""


def unreported(doing: str, done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Exported:
    """What an export has done; every vector of the bundle is counted once."""

    stored: int
    """New ones, and those that were other ones before."""
    unchanged: int
    """Those that the cluster held just so."""
    removed: int
    """Regions that the cluster held and the bundle does not."""
    foreign: int
    """Vectors in the cluster whose ids are no regions of a shop: they are left alone."""
    refused: tuple[Refusal, ...]
    """What the cluster did not take, or did not give up."""


def export(
    regions: BundleRegions, cluster: Cluster, *, prune: bool = False, report: Report = unreported
) -> Exported:
    """Store every region of a bundle in a cluster; with `prune`, remove those it does not have.

    The same again changes nothing, and an export that was cut off is finished by another. One
    vector that is refused does not stop the others. Raises EngineError when the cluster stays
    away, and BundleError for a damaged vector.
    """
    sent = _each(cluster, "send", _sending(regions, cluster), len(regions), report)
    removed, foreign = Settled(), 0
    if prune:
        report("compare", 0, 0)
        gone, foreign = _superfluous(regions, cluster)
        removed = _each(cluster, "remove", _removing(gone, cluster), len(gone), report)
    refused = (*sent.refused, *removed.refused)
    return Exported(sent.done, sent.already, removed.done, foreign, refused)


def _each(
    cluster: Cluster,
    doing: str,
    tasks: Iterable[Callable[[], Settled]],
    total: int,
    report: Report,
) -> Settled:
    """Run tasks side by side, as many as the pace allows, and sum what became of the vectors."""
    settled = Settled()
    report(doing, 0, total)
    with ThreadPoolExecutor(cluster.pace.concurrency) as pool:
        # A task reads its vectors only when it is begun: no more of them are in memory than that.
        begun = [pool.submit(task) for task in tasks]
        try:
            for ended in as_completed(begun):
                settled.add(ended.result())
                report(doing, settled.done + settled.already + len(settled.refused), total)
        except BaseException:
            cluster.close()  # the other tasks end with their calls
            pool.shutdown(cancel_futures=True)
            raise
    return settled


def _sending(regions: BundleRegions, cluster: Cluster) -> Iterator[Callable[[], Settled]]:
    for start in range(0, len(regions), cluster.pace.chunk):
        stop = min(start + cluster.pace.chunk, len(regions))
        yield partial(_send, regions, cluster, start, stop)


def _removing(names: list[str], cluster: Cluster) -> Iterator[Callable[[], Settled]]:
    for start in range(0, len(names), cluster.pace.chunk):
        yield partial(cluster.remove, names[start : start + cluster.pace.chunk])


def _send(regions: BundleRegions, cluster: Cluster, start: int, stop: int) -> Settled:
    items, names = regions.names(start, stop)
    ids = map(vector_id, items.to_pylist(), names.to_pylist())
    return cluster.upsert(ids, regions.vectors(start, stop))


def _superfluous(regions: BundleRegions, cluster: Cluster) -> tuple[list[str], int]:
    """Return the ids of regions that only the cluster has, and how many ids are no regions."""
    items, names = regions.names(0, len(regions))
    held = set(map(vector_id, items.to_pylist(), names.to_pylist()))
    others = {name for name in cluster.names() if name not in held}
    gone = sorted(name for name in others if parted(name))
    return gone, len(others) - len(gone)
