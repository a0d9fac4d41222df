"""Leases, held by real processes that end in every way."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry
from feature_store.bundle.lease import hold, lease_file, unheld
from feature_store.errors import BundleError

_HOLDER = """
import ctypes, os, sys
from pathlib import Path
from feature_store.bundle import BundleRegistry
folder, workers, plain = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "plain"
if plain and os.getuid() == 0:  # without capabilities even root may only do what modes allow
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
bundle = BundleRegistry(folder).open("a")
for _ in range(workers):
    if not os.fork():
        break
os.write(1, b"%d %d\\n" % (os.getpid(), bundle.lease is not None))  # a line at once, from each
sys.stdin.read()
"""


class Holder:
    """A process that has bundle `a` open, and workers that it forked."""

    def __init__(self, folder: Path, workers: int = 0, *, plain: bool = False) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(folder), str(workers), "plain" if plain else ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().split() for _ in range(workers + 1)]
        self.pids = [int(line[0]) for line in lines]
        self.holds = lines[0][1] == "1"

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}").exists() and self.process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def end(self) -> None:
        for pid in self.pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.communicate()


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    started: list[Holder] = []
    yield started
    for holder in started:
        holder.end()


@pytest.fixture
def registry(registry: BundleRegistry) -> BundleRegistry:
    """Bundle `a` is old: pruning with 0 would remove it, and b and c stay."""
    for name in ("b", "c"):
        registry.publish(name)
    shutil.rmtree(registry.path("unjudged"))
    return registry


def until_removed(registry: BundleRegistry) -> tuple[str, ...]:
    """Prune again and again, as every night does; a killed process takes a moment to be gone."""
    deadline = time.monotonic() + 30
    while not (removed := registry.prune(keep=0)):
        assert time.monotonic() < deadline, "it is still held"
        time.sleep(0.01)
    return removed


def test_a_bundle_that_is_open_stays_until_its_holder_is_killed(
    registry: BundleRegistry, holders: list[Holder]
) -> None:
    holders.append(Holder(registry.folder))
    assert registry.prune(keep=0, dry_run=True) == ()
    assert registry.prune(keep=0) == ()
    assert registry.path("a").is_dir()
    holders[0].kill(holders[0].pids[0])
    assert until_removed(registry) == ("a",)
    assert not registry.path("a").exists()
    assert not lease_file(registry.path("a")).exists()


def test_forked_workers_hold_it_after_their_leader(
    registry: BundleRegistry, holders: list[Holder]
) -> None:
    holders.append(Holder(registry.folder, workers=2))
    leader = holders[0].process.pid
    workers = [pid for pid in holders[0].pids if pid != leader]
    holders[0].kill(leader)
    assert registry.prune(keep=0) == ()
    os.kill(workers[0], signal.SIGKILL)
    assert registry.prune(keep=0) == ()
    os.kill(workers[1], signal.SIGKILL)
    assert until_removed(registry) == ("a",)


def test_several_may_hold_it(registry: BundleRegistry, holders: list[Holder]) -> None:
    holders += [Holder(registry.folder), Holder(registry.folder)]
    holders[0].kill(holders[0].pids[0])
    assert registry.prune(keep=0) == ()


def test_a_bundle_that_is_forgotten_is_given_back(registry: BundleRegistry) -> None:
    bundle = registry.open("a")
    assert registry.prune(keep=0) == ()
    del bundle
    assert registry.prune(keep=0) == ("a",)


def test_what_is_being_removed_cannot_be_opened(registry: BundleRegistry) -> None:
    with unheld(registry.path("a")) as free:
        assert free
        with pytest.raises(BundleError, match="is being removed"):
            registry.open("a")
    assert registry.open("a").bundle_id == "a"


def test_a_lease_of_a_bundle_that_was_removed_and_made_anew_is_the_new_ones(
    registry: BundleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.bundle import lease

    real = lease._lock
    path = registry.path("a")

    def lock_after_the_file_was_replaced(descriptor: int, kind: int) -> bool:
        monkeypatch.setattr(lease, "_lock", real)
        lease_file(path).unlink()
        lease_file(path).touch()
        return real(descriptor, kind)

    lease_file(path).touch()
    monkeypatch.setattr(lease, "_lock", lock_after_the_file_was_replaced)
    held = hold(path)
    assert held is not None
    with unheld(path) as free:
        assert not free
    held.release()
    with unheld(path) as free:
        assert free


def test_a_lease_is_no_part_of_its_bundle(registry: BundleRegistry) -> None:
    before = {path.name for path in registry.path("a").rglob("*")}
    bundle = registry.open("a")
    assert {path.name for path in registry.path("a").rglob("*")} == before
    assert lease_file(bundle.folder).parent == registry.folder


def test_a_missing_bundle_leaves_no_lease(registry: BundleRegistry) -> None:
    with pytest.raises(BundleError, match="is no bundle"):
        registry.open("missing")
    assert not lease_file(registry.path("missing")).exists()


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_that_may_only_be_read_opens(
    registry: BundleRegistry, holders: list[Holder], made: bool
) -> None:
    """With a lease where the writer has made its file, which can be locked by whoever may read."""
    lease_file(registry.path("a")).unlink(missing_ok=True)
    if made:
        lease_file(registry.path("a")).touch()
    everything = [registry.folder, *registry.folder.rglob("*")]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    holders.append(Holder(registry.folder, plain=True))
    assert holders[-1].holds is made
    for path in everything:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    with unheld(registry.path("a")) as free:
        assert free is not made
