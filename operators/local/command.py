"""`nitamono demo`: from a catalogue to a shop page, through a real Airflow, on this machine."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import click
import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from feature_store.errors import NitamonoError, SettingsError
from feature_store.settings import Settings
from operators.local.airflow import LocalAirflow
from operators.local.checks import (
    Finding,
    answer_findings,
    bundle_findings,
    ledger_findings,
)
from operators.local.home import claim_home
from operators.local.processes import Child, require_free_port


@dataclass(frozen=True)
class _Shop:
    """Which catalogue to show, and the days of changes it has."""

    location: str
    days: tuple[str, ...]
    bars: dict[int, float]


@click.command(short_help="Run the whole road on this machine: what 'make demo' runs.")
@click.option("--once", is_flag=True, help="Check the answers, stop everything and exit.")
@click.option("--catalogue", help="Your own catalogue: a CSV, JSONL or Parquet file, or a folder.")
@click.option("--port", type=int, default=8000, envvar="PORT", show_default=True)
@click.option("--airflow-port", type=int, default=8080, envvar="AIRFLOW_PORT", show_default=True)
@click.option("--service", default="nitamono", help="The `nitamono` of the serving environment.")
def demo(once: bool, catalogue: str | None, port: int, airflow_port: int, service: str) -> None:
    """Run the whole road on this machine and open a shop page on what comes out."""
    console = Console()
    require_free_port(port, "PORT")
    require_free_port(airflow_port, "AIRFLOW_PORT")
    if shutil.which(service) is None:
        raise SettingsError(f"no such command: {service}; run `make demo`, which installs it")
    settings = Settings.from_environment()
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    home = settings.home.resolve()
    claim_home(home, str(Path(catalogue).resolve()) if catalogue else "the demo shop")
    shop = _own_shop(catalogue, yesterday) if catalogue else _demo_shop(home, yesterday, console)
    settings = replace(settings, home=home, catalogue_location=shop.location)
    address = f"http://127.0.0.1:{port}"
    with _stopping_cleanly(), _airflow(settings, airflow_port, console) as airflow:
        _run_dags(airflow, shop, console)
        with _service(service, settings, port) as child:
            _wait_until_ready(address, child)
            console.print(f"shop page: [bold]{address}/demo/[/bold]")
            if once:
                _check(address, settings, shop, console)
                return
            console.print(f"Airflow:   http://127.0.0.1:{airflow_port}/   (Ctrl-C stops both)")
            while True:
                time.sleep(1)
                child.require_alive()


def _demo_shop(home: Path, yesterday: dt.date, console: Console) -> _Shop:
    from feature_store.demo.render import render_demo

    folder = home / "demo"
    if not console.is_terminal:
        console.print("rendering the demo catalogue …")
    with Progress(console=console) as progress:
        task = progress.add_task("rendering the demo catalogue", total=None)
        render_demo(
            folder,
            yesterday,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    days = sorted(path.stem for path in (folder / "catalogue").glob("*.csv"))
    return _Shop(str(folder / "catalogue" / "{ds}.csv"), tuple(days), {1: 0.0, 10: 0.95})


def _own_shop(catalogue: str, yesterday: dt.date) -> _Shop:
    location = Path(catalogue).resolve()
    if not location.exists():
        raise SettingsError(f"there is no catalogue at {location}")
    return _Shop(str(location), (yesterday.isoformat(),), {1: 0.0, 5: 0.0})


@contextmanager
def _telling(console: Console, message: str) -> Iterator[Callable[[str], None]]:
    """Show what goes on: in one changing line on a terminal, a line for each step elsewhere."""
    if not console.is_terminal:
        console.print(message)
        yield console.print
        return
    with console.status(message) as status:
        yield status.update


@contextmanager
def _stopping_cleanly() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into one ordinary exit that stops what was started."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0 if number == signal.SIGINT else 128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _airflow(settings: Settings, port: int, console: Console) -> Iterator[LocalAirflow]:
    environment = {
        "NITAMONO_HOME": str(settings.home),
        "NITAMONO_CATALOGUE": settings.catalogue_location,
        # Whoever asked for the demo wants to see it, however much it changes.
        "NITAMONO_COMPARE_MAX_CHURN": os.environ.get("NITAMONO_COMPARE_MAX_CHURN", "1"),
    }
    airflow = LocalAirflow(settings.home / "airflow", port, environment)
    try:
        with _telling(console, "starting Airflow …"):
            airflow.start()
        yield airflow
    finally:
        with _telling(console, "stopping …"):
            airflow.stop()


def _run_dags(airflow: LocalAirflow, shop: _Shop, console: Console) -> None:
    with _telling(console, "backfilling …") as tell:
        airflow.backfill("catalogue_features", shop.days[0], shop.days[-1])
        airflow.unpause("catalogue_features")
        runs = airflow.wait_for_runs("catalogue_features", len(shop.days), tell)
        console.print(f"catalogue_features: {len(runs)} day(s) ingested")
        airflow.unpause("similarity_index")
        airflow.wait_for_runs("similarity_index", 1, tell)
        console.print("similarity_index: built, proven and published")
        airflow.unpause("fresh_items")  # from now on a new partition is found within a minute


@contextmanager
def _service(command: str, settings: Settings, port: int) -> Iterator[Child]:
    environment = {**os.environ, "NITAMONO_HOME": str(settings.home)}
    log = settings.home / "service.log"
    child = Child("the service", [command, "serve", "--port", str(port)], environment, log)
    try:
        yield child
    finally:
        child.stop()


def _wait_until_ready(address: str, service: Child, patience_seconds: float = 60) -> None:
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        service.require_alive()
        try:
            if httpx.get(f"{address}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise NitamonoError(f"the service did not become ready; its log is {service.log}")


def _check(address: str, settings: Settings, shop: _Shop, console: Console) -> None:
    with Progress(console=console) as progress:
        task = progress.add_task("asking for every item's look-alikes", total=None)
        findings = [
            *ledger_findings(settings),
            *bundle_findings(address),
            *answer_findings(
                address,
                shop.bars,
                lambda done, total: progress.update(task, completed=done, total=total),
            ),
        ]
    console.print(_table(findings))
    missed = [finding.name for finding in findings if not finding.passed]
    if missed:
        raise NitamonoError(f"below the bar: {', '.join(missed)}")


def _table(findings: list[Finding]) -> Table:
    table = Table("checked", "value", "at least", "")
    for finding in findings:
        value = f"{finding.value:.4f}" if isinstance(finding.value, float) else str(finding.value)
        least = "" if finding.least is None else str(finding.least)
        table.add_row(finding.name, value, least, "ok" if finding.passed else "[red]missed[/red]")
    return table
