"""Writers to BigQuery and publishers to gs:// killed on the way, against the emulators of both."""

from __future__ import annotations

import os
import random
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feature_store.bundle import BundleRegistry, RemoteRegistry, Searcher, open_bundle
from feature_store.settings import Settings
from feature_store.tables import open_store
from feature_store.tables.content import canonical, content_hash
from feature_store.tables.settings import TablesSettings
from tests.emulators.bigquery import PROJECT, running_bigquery
from tests.emulators.gcs import make_bucket, running_gcs
from tests.faults.processes import Child, Mark, call
from tests.faults.room import Room
from tests.feature_store.batches import make_batch

DS = "2026-08-01"
ITEMS = ("a", "b", "c")


@dataclass(frozen=True)
class Cloud:
    """Where the emulators are, and what this run has there for its own."""

    environment: Mapping[str, str]
    home: Path
    tables: TablesSettings
    bundles: str

    def enter(self) -> Settings:
        """Tell this process's clients where the emulators are; return settings that use them."""
        os.environ.update(self.environment)
        return Settings(home=self.home, tables=self.tables, bundles_location=self.bundles)


def write(mark: Mark, cloud: Cloud, seed: int) -> str:
    """Replace the partition; return the content hash of the commit."""
    store = open_store(cloud.enter())
    store.commits()  # what is needed is imported now
    mark("ready")
    return store.replace_partition(DS, make_batch(DS, ITEMS, seed=seed)).content_hash


def held(mark: Mark, cloud: Cloud) -> tuple[str, str]:
    """Return the hash of the rows that the partition holds, and the one that its commit says."""
    store = open_store(cloud.enter())
    batch, _ = store.partition(DS)
    said = {commit.ds: commit.content_hash for commit in store.commits()}
    return content_hash(canonical(batch)), said.get(DS, "")


def publish(mark: Mark, cloud: Cloud, bundle_id: str) -> str:
    """Publish a bundle into the bucket; return what is live then."""
    cloud.enter()
    registry = RemoteRegistry(cloud.bundles, cloud.home / "bundles")
    registry.current()
    mark("ready")
    registry.publish(bundle_id)
    return str(registry.current())


def live(mark: Mark, cloud: Cloud, elsewhere: Path) -> str:
    """Fetch the live bundle as a service does, open it and ask it; return its id."""
    cloud.enter()
    registry = RemoteRegistry(cloud.bundles, cloud.home / "bundles")
    live_id = str(registry.current())
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    bundle = open_bundle(registry.receive(live_id, elsewhere))
    Searcher(bundle).similar(bundle.items["item_id"][0].as_py())
    return live_id


class Killer:
    """Kills children that do one thing in the cloud, anywhere between their begin and their end."""

    def __init__(self, room: Room, cloud: Cloud) -> None:
        """Take the emulators."""
        self.room, self.cloud = room, cloud
        self.draw = random.Random(room.seed)

    def kill(self, task: Callable[..., str], given: Any, seconds: float) -> None:
        """Start a child, and kill it within so many seconds of its readiness."""
        child = Child(self.room.log, task, self.cloud, given)
        child.wait_for("ready")
        child.hear_for(self.draw.uniform(0, seconds))
        child.kill()

    def timed(self, task: Callable[..., str], given: Any) -> tuple[str, float]:
        """Let a child do it undisturbed; return what it says, and how long it took."""
        child = Child(self.room.log, task, self.cloud, given)
        child.wait_for("ready")
        begun = time.monotonic()
        ending = child.finish()
        if not ending.well:
            raise RuntimeError(f"{task.__name__}: {ending}")
        return str(ending.value), time.monotonic() - begun

    def writers(self, rounds: int) -> None:
        """Kill writers to BigQuery: the partition is as before or as after, and then as after."""
        before, seconds = self.timed(write, 1)
        for seed in range(2, 2 + rounds):
            after = content_hash(canonical(make_batch(DS, ITEMS, seed=seed)))
            self.kill(write, seed, seconds)
            rows, said = call(self.room.log, held, self.cloud)
            wrong = "" if rows == said and rows in (before, after) else "neither before nor after"
            again, _ = self.timed(write, seed)
            if not wrong and (again, after) != call(self.room.log, held, self.cloud):
                wrong = "the writer again does not write what it should"
            fault = self.room.report.fault("BigQuery", "a writer killed")
            fault.judge(wrong, "one transaction, and the writer again")
            before = after

    def publishers(self, rounds: int, bundles: list[str]) -> None:
        """Kill publishers to a bucket: the live bundle is the old one or the new one, whole."""
        elsewhere = self.room.folder / "service"
        for number in range(rounds):
            prefix = f"{self.cloud.bundles}/{number}"
            cloud = Cloud(self.cloud.environment, self.cloud.home, self.cloud.tables, prefix)
            killer = Killer(self.room, cloud)
            killer.draw = self.draw
            _, seconds = killer.timed(publish, bundles[0])
            killer.kill(publish, bundles[1], seconds)
            found = call(self.room.log, live, cloud, elsewhere)
            wrong = "" if found in bundles else f"{found} is live"
            again, _ = killer.timed(publish, bundles[1])
            if (again, call(self.room.log, live, cloud, elsewhere)) != (bundles[1], bundles[1]):
                wrong = wrong or "the publisher again does not publish"
            self.room.report.bad_bundles_published += bool(wrong)
            fault = self.room.report.fault("gs://", "a publisher killed")
            fault.judge(wrong, "CURRENT's generation, and the publisher again")


def remote(room: Room) -> None:
    """Kill writers and publishers of a cloud that the emulators play."""
    rounds = 2 if room.short else 12
    usual = room.usual()
    usual.put(len(usual.said) - 1)
    home = room.folder / "home"
    shutil.copytree(usual.home, home)
    rows = BundleRegistry(home / "bundles").list()
    with running_gcs(room.folder) as gcs, running_bigquery(gcs, room.folder) as bigquery:
        bucket = make_bucket(gcs)
        tables = TablesSettings(
            store="bigquery",
            project=PROJECT,
            dataset=f"faults_{uuid.uuid4().hex[:8]}",
            staging=f"gs://{bucket}/staged",
        )
        environment = {"STORAGE_EMULATOR_HOST": gcs, "BIGQUERY_EMULATOR_HOST": bigquery}
        killer = Killer(room, Cloud(environment, home, tables, f"gs://{bucket}/bundles"))
        killer.publishers(rounds, [row.bundle_id for row in reversed(rows)][:2])
        room.tell("publishers killed")
        killer.writers(rounds)
