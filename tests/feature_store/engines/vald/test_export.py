"""An export ends with every region in the cluster, whatever the cluster does meanwhile."""

from __future__ import annotations

import threading
import time

import grpc
import numpy as np
import pytest

from feature_store.bundle import Bundle
from feature_store.engines import ExactEngine, recall
from feature_store.engines.regions import BundleRegions
from feature_store.engines.vald import Cluster, Exported, Pace, ValdEngine, export
from feature_store.engines.vald.names import vector_id
from feature_store.errors import BundleError, EngineError, SettingsError
from tests.feature_store.engines.vald.fake_vald import OK, Code, FakeVald

QUICK = Pace(
    chunk=10,
    concurrency=3,
    deadline_seconds=10,
    attempts=4,
    first_pause_seconds=0.01,
    longest_pause_seconds=0.05,
)


def send(vald: FakeVald, regions: BundleRegions, pace: Pace = QUICK, **options: bool) -> Exported:
    with Cluster(vald.address, pace) as cluster:
        return export(regions, cluster, **options)


def names(regions: BundleRegions) -> list[str]:
    items, ids = regions.names(0, len(regions))
    return list(map(vector_id, items.to_pylist(), ids.to_pylist()))


def assert_holds(vald: FakeVald, regions: BundleRegions, *but: str) -> None:
    expected = dict(zip(names(regions), regions.vectors(0, len(regions)), strict=True))
    assert vald.held.keys() == expected.keys() - set(but)
    for name, vector in vald.held.items():
        assert np.array_equal(vector, expected[name])


def test_every_region_arrives_once_under_an_id_that_says_what_it_is(
    vald: FakeVald, regions: BundleRegions
) -> None:
    assert send(vald, regions) == Exported(len(regions), 0, 0, 0, ())
    assert_holds(vald, regions)
    assert sorted(vald.upserts) == sorted(vald.held)


def test_the_cluster_answers_as_the_bundle_does(
    vald: FakeVald, regions: BundleRegions, odd_bundle: Bundle
) -> None:
    send(vald, regions)
    asked = regions.vectors(0, len(regions))[::7]
    truth = ExactEngine(odd_bundle).nearest(asked, 20)
    with Cluster(vald.address, QUICK) as cluster:
        engine = ValdEngine(cluster, regions.dim)
        found = engine.nearest(asked, 12)
        assert engine.count() == len(regions)
    assert recall(truth, found, len(asked), at=10).tolist() == [1.0] * len(asked)
    first = truth.filter(np.array(truth["query"]) == 1)["cosine"].to_numpy()[:12]
    said = found.filter(np.array(found["query"]) == 1)["cosine"].to_numpy()
    np.testing.assert_allclose(said, first, atol=1e-5)


def test_sending_again_changes_nothing_and_says_so(vald: FakeVald, regions: BundleRegions) -> None:
    send(vald, regions)
    once = len(vald.upserts)
    assert send(vald, regions) == Exported(0, len(regions), 0, 0, ())
    assert len(vald.upserts) == 2 * once  # a refusal that names its vector needs no second question
    assert_holds(vald, regions)


def test_a_changed_vector_is_replaced(vald: FakeVald, regions: BundleRegions) -> None:
    send(vald, regions)
    name = names(regions)[5]
    vald.held[name] = -vald.held[name]
    assert send(vald, regions) == Exported(1, len(regions) - 1, 0, 0, ())
    assert_holds(vald, regions)


@pytest.mark.parametrize("names_failures", [True, False])
def test_a_refused_vector_is_named_and_stops_no_other(
    vald: FakeVald, regions: BundleRegions, names_failures: bool
) -> None:
    bad = {names(regions)[i] for i in (0, 3, 4, 17)}
    vald.names_failures = names_failures
    vald.fault = lambda name: Code.INVALID_ARGUMENT if name in bad else OK
    done = send(vald, regions)
    assert done.stored == len(regions) - 4
    assert {refusal.name for refusal in done.refused} == bad
    assert {refusal.code for refusal in done.refused} == {"INVALID_ARGUMENT"}
    assert {refusal.said for refusal in done.refused} == {"a planted fault"}
    assert_holds(vald, regions, *bad)


def test_refusals_longer_than_grpcs_own_limit_are_understood(
    vald: FakeVald, regions: BundleRegions
) -> None:
    send(vald, regions)
    vald.names_failures = False  # so that each is asked alone, and answered in a trailer of 15 kB
    assert send(vald, regions) == Exported(0, len(regions), 0, 0, ())


def test_all_that_is_refused_is_told_when_the_cluster_is_of_another_length(
    vald: FakeVald, regions: BundleRegions
) -> None:
    vald.dim = 128
    done = send(vald, regions)
    assert len(done.refused) == len(regions)
    assert done.refused[0].said == "incompatible dimension size, got 16, wanted 128"


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.ABORTED])
def test_what_may_pass_is_tried_again(
    vald: FakeVald, regions: BundleRegions, code: grpc.StatusCode
) -> None:
    seen: dict[str, int] = {}

    def fault(name: str) -> grpc.StatusCode:
        seen[name] = seen.get(name, 0) + 1
        return code if seen[name] <= 2 and sum(name.encode()) % 3 == 0 else OK

    vald.fault = fault
    assert send(vald, regions) == Exported(len(regions), 0, 0, 0, ())
    assert_holds(vald, regions)


@pytest.mark.parametrize("names_failures", [True, False])
def test_a_vector_whose_agent_stays_away_is_told_in_the_end(
    vald: FakeVald, regions: BundleRegions, names_failures: bool
) -> None:
    bad = names(regions)[12]
    vald.names_failures = names_failures
    vald.fault = lambda name: Code.UNAVAILABLE if name == bad else OK
    done = send(vald, regions)
    assert [(refusal.name, refusal.code) for refusal in done.refused] == [(bad, "UNAVAILABLE")]
    assert done.stored == len(regions) - 1
    assert vald.upserts.count(bad) >= QUICK.attempts


@pytest.mark.parametrize("names_failures", [True, False])
def test_a_gateway_all_of_whose_agents_are_away_is_not_asked_for_each_vector(
    vald: FakeVald, regions: BundleRegions, names_failures: bool
) -> None:
    vald.names_failures = names_failures
    vald.fault = lambda name: Code.UNAVAILABLE
    with Cluster(vald.address, Pace(1000, 1, 10.0, 4, 0.01, 0.02)) as cluster:
        if names_failures:
            assert len(export(regions, cluster).refused) == len(regions)
        else:
            with pytest.raises(EngineError, match="UNAVAILABLE 4 times in a row"):
                export(regions, cluster)
    assert len(vald.upserts) <= 4 * (len(regions) + 3)


def test_a_server_that_dies_in_the_middle_and_comes_back_misses_nothing(
    vald: FakeVald, regions: BundleRegions
) -> None:
    once = threading.Event()

    def before(name: str) -> None:
        if len(vald.upserts) >= 25 and not once.is_set():
            once.set()
            threading.Thread(target=restart).start()

    def restart() -> None:
        vald.stop().wait()
        vald.start()

    vald.before = before
    patient = Pace(10, 3, 10.0, 30, 0.05, 0.2)
    done = send(vald, regions, patient)
    assert once.is_set()
    assert done.stored + done.unchanged == len(regions)
    assert done.refused == ()
    assert_holds(vald, regions)


def test_a_server_that_dies_for_good_ends_the_export_and_the_next_one_goes_on(
    vald: FakeVald, regions: BundleRegions
) -> None:
    vald.before = lambda name: vald.stop() and None if len(vald.upserts) == 25 else None
    with pytest.raises(EngineError, match=r"cannot be reached \(UNAVAILABLE 4 times in a row\)"):
        send(vald, regions)
    there = len(vald.held)
    assert 0 < there < len(regions)
    vald.before = lambda name: None
    vald.start()
    done = send(vald, regions)
    assert (done.stored, done.unchanged) == (len(regions) - there, there)
    assert_holds(vald, regions)


def test_a_server_that_hangs_is_not_waited_for_longer_than_the_deadline(
    vald: FakeVald, regions: BundleRegions
) -> None:
    freed = threading.Event()
    vald.before = lambda name: freed.wait(30) and None
    try:
        with pytest.raises(EngineError, match=r"DEADLINE_EXCEEDED 2 times in a row"):
            send(vald, regions, Pace(10, 2, 0.3, 2, 0.01))
    finally:
        freed.set()


def test_a_slow_server_is_not_taken_for_one_that_is_away(
    vald: FakeVald, regions: BundleRegions
) -> None:
    """Each stream ends at its deadline with a part of its vectors stored; that is progress."""
    vald.before = lambda name: time.sleep(0.02)
    done = send(vald, regions, Pace(40, 4, 0.3, 2, 0.01, 0.02))
    assert done.stored + done.unchanged == len(regions)
    assert_holds(vald, regions)


def test_no_more_streams_are_open_than_asked_for(vald: FakeVald, regions: BundleRegions) -> None:
    vald.before = lambda name: time.sleep(0.002)
    send(vald, regions, Pace(chunk=5, concurrency=3))
    assert 1 < vald.most_streams <= 3


def test_pruning_removes_what_the_bundle_no_longer_has_and_nothing_of_others(
    vald: FakeVald, regions: BundleRegions
) -> None:
    gone = [f"sold:{number:016x}" for number in range(23)]
    for name in (*gone, "somebody else's"):
        vald.held[name] = np.ones(16, np.float32)
    assert send(vald, regions) == Exported(len(regions), 0, 0, 0, ())
    assert not vald.removed
    assert send(vald, regions, prune=True) == Exported(0, len(regions), 23, 1, ())
    assert sorted(vald.removed) == gone
    del vald.held["somebody else's"]
    assert_holds(vald, regions)


def test_progress_is_told(vald: FakeVald, regions: BundleRegions) -> None:
    vald.held["sold:0123456789abcdef"] = np.ones(16, np.float32)
    told: list[tuple[str, int, int]] = []
    with Cluster(vald.address, QUICK) as cluster:
        export(regions, cluster, prune=True, report=lambda *now: told.append(now))
    total = len(regions)
    assert told[0] == ("send", 0, total)
    assert ("send", total, total) in told
    assert told[-1] == ("remove", 1, 1)
    sent = [done for doing, done, _ in told if doing == "send"]
    assert sent == sorted(sent)
    assert len(sent) > total / QUICK.chunk


def test_a_damaged_vector_is_named_and_nothing_waits_for_ever(
    vald: FakeVald, regions: BundleRegions, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = regions.bundle.vectors[:]
    vectors = np.array(whole)
    vectors[50] = np.nan
    monkeypatch.setattr(regions.bundle, "vectors", vectors)
    with pytest.raises(BundleError, match=r"the vector of item 'item-0.*is zero or not finite"):
        send(vald, regions)


def test_whoever_stops_an_export_does_not_wait_for_calls_that_hang(
    vald: FakeVald, regions: BundleRegions
) -> None:
    freed = threading.Event()
    vald.before = lambda name: freed.wait(60) and None if name in names(regions)[10:20] else None
    ended: list[BaseException] = []

    def interrupted(doing: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    def run() -> None:
        try:
            with Cluster(vald.address, Pace(10, 2, 600.0)) as cluster:
                export(regions, cluster, report=interrupted)
        except KeyboardInterrupt as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    freed.set()
    assert len(ended) == 1


@pytest.mark.parametrize("address", ["", "vald", "http://vald:8081", "vald:port", ":8081", "a b:1"])
def test_an_impossible_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(EngineError, match="write host:port"):
        Cluster(address)


@pytest.mark.parametrize("field", list(Pace.__dataclass_fields__))
def test_a_pace_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(SettingsError, match=f"{field} is 0"):
        Pace(**{field: 0})


def test_nobody_there_is_told_with_the_address(regions: BundleRegions) -> None:
    with (
        Cluster("127.0.0.1:1", QUICK) as cluster,
        pytest.raises(EngineError, match=r"Vald at 127\.0\.0\.1:1 cannot be reached"),
    ):
        export(regions, cluster)
