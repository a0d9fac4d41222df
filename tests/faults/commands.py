"""SIGKILL of the real commands, with the models that a shop gets: `nitamono ingest` and `index`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.processes import DEADLINE_SECONDS, call
from tests.faults.room import Room
from tests.faults.shop import put
from tests.faults.state import HomeState, look, lost_and_more
from tests.feature_store.ingest.shop import Shop

GROUP = "commands"
DAYS = ("2026-07-01", "2026-07-02")
COMMANDS = (*(("ingest", "--day", ds) for ds in DAYS), ("index",))
KILLS = 6


class Commands:
    """One home that is only touched by commands, and its states before each of them."""

    def __init__(self, room: Room) -> None:
        """Run each command once, undisturbed."""
        self.room, self.draw = room, random.Random(room.seed)
        self.home, self.shop = room.folder / "home", room.folder / "shop"
        self.home.mkdir()
        self._open_shop()
        self.seconds: list[float] = []
        self.said = [self.look()]
        for number in range(len(COMMANDS)):
            put(self.home, self._state(number))
            begun = time.monotonic()
            self.run(number)
            self.seconds.append(time.monotonic() - begun)
            self.said.append(self.look())

    def kill_one(self) -> None:
        """Kill a command at a drawn moment, run it again and those after it, and compare."""
        number = self.room.report.fault(GROUP, "killed").tried % len(COMMANDS)
        # Nothing happens to a home while the interpreter still imports.
        seconds = self.draw.uniform(0.3, 0.95) * self.seconds[number]
        while not self._is_killed(number, seconds):
            seconds *= 0.8  # it was faster than the undisturbed one
        self.room.report.kills += 1
        found = self.look()
        differences = [found.differs_from(one) for one in self.said[number : number + 2]]
        wrong = f"neither before nor after: {differences[0]}" if all(differences) else ""
        for later in range(number, len(COMMANDS)):
            self.run(later)
        end, expected = self.look(), self.said[-1]
        lost, more = lost_and_more(expected.store, end.store)
        self.room.report.rows_lost += lost
        self.room.report.rows_duplicated += more
        self.room.report.bad_bundles_published += bool(found.broken or end.broken)
        wrong = wrong or end.differs_from(expected)
        name = " ".join(COMMANDS[number])
        fault = self.room.report.fault(GROUP, "killed")
        fault.judge(f"{name}, {seconds:.2f} s: {wrong}" if wrong else "", "the command again")

    def _is_killed(self, number: int, seconds: float) -> bool:
        """Start a command and kill it after so many seconds; False if it ended before."""
        put(self._state(number), self.home)
        with self._start(number) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
        return process.returncode == -signal.SIGKILL

    def look(self) -> HomeState:
        """Say what the home says now."""
        said: HomeState = call(self.room.log, look, self.shop, self.home)
        return said

    def run(self, number: int) -> None:
        """Run a command to its end; RuntimeError if it fails."""
        with self._start(number) as process:
            if process.wait(10 * DEADLINE_SECONDS):
                raise RuntimeError(f"{COMMANDS[number]} ended with {process.returncode}")

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        settings = {
            "NITAMONO_HOME": str(self.home),
            "NITAMONO_CATALOGUE": str(self.shop / "catalogue-{ds}.csv"),
            "NITAMONO_INGEST_ITEMS_PER_SHARD": "4",
            "NITAMONO_INDEX_MIN_GRAPH_VECTORS": "10",
        }
        command = Path(sys.executable).with_name("nitamono")
        with self.room.log.open("ab") as log:
            return subprocess.Popen(
                [command, *COMMANDS[number]], env={**os.environ, **settings}, stdout=log, stderr=log
            )

    def _state(self, number: int) -> Path:
        return self.room.folder / f"state-{number}"

    def _open_shop(self) -> None:
        shop = Shop(self.shop)
        shop.stock(16)
        shop.write(f"catalogue-{DAYS[0]}.csv")
        del shop.rows["item 03"]
        shop.sell("item 04", shop.draw("other.png", 700), title="another photo")
        shop.sell("new", shop.draw("new.png", 701), title="new")
        shop.write(f"catalogue-{DAYS[1]}.csv")


def commands(room: Room) -> None:
    """Kill a handful of commands; they load real models, so this takes its time."""
    if room.short:
        return
    tried = Commands(room)
    for number in range(KILLS):
        tried.kill_one()
        room.tell(f"{number + 1} of {KILLS} commands")
