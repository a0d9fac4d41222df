"""The `nitamono` command: everything a person does by hand, one module per door.

`main` gathers the commands of this package and those that other rooms register under the entry
point group `nitamono.commands` (`serve`, `demo`), each loaded only when it is asked for, so that
the command works in both environments.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import logging
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

import click

from feature_store.errors import NitamonoError

log = logging.getLogger(__name__)

_OWN = {
    "catalogue": "feature_store.cli.catalogue:catalogue",
    "ingest": "feature_store.cli.stages:ingest",
    "index": "feature_store.cli.stages:index",
    "refresh": "feature_store.cli.refresh:refresh",
    "ledger": "feature_store.cli.ledger:ledger",
    "requeue": "feature_store.cli.ledger:requeue",
    "status": "feature_store.cli.status:status",
    "item": "feature_store.cli.item:item",
    "runs": "feature_store.cli.runs:runs",
    "models": "feature_store.cli.models:models",
    "upkeep": "feature_store.cli.upkeep:upkeep",
    "compare": "feature_store.cli.compare:compare",
    "events": "feature_store.cli.events:events",
    "bundles": "feature_store.cli.bundles:bundles",
    "publish": "feature_store.cli.bundles:publish",
    "rollback": "feature_store.cli.bundles:rollback",
    "pin": "feature_store.cli.bundles:pin",
    "unpin": "feature_store.cli.bundles:unpin",
    "canary": "feature_store.cli.bundles:canary",
    "export": "feature_store.cli.export:export",
    "settings": "feature_store.cli.settings:settings",
}

_PIPELINE_ONLY = (
    *("catalogue", "ingest", "ledger", "requeue", "index", "status", "item", "runs", "models"),
    *("upkeep", "compare", "events", "refresh", "export"),
)
INTERRUPTED = 130
"""Exit status of a command that Ctrl-C has stopped, as shells have it: 128 + SIGINT."""

_ROOMS = ("feature_store", "operators", "serving")


class _Commands(click.Group):
    """A click group that imports a command's module only when that command is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands that this environment can run."""
        names = [*_OWN, *sorted(_registered())]
        return [name for name in names if self.get_command(ctx, name) is not None]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, or None when it does not exist or its room is not installed."""
        try:
            if cmd_name in _PIPELINE_ONLY and find_spec("deltalake") is None:
                return None
            if cmd_name in _OWN:
                module, _, name = _OWN[cmd_name].partition(":")
                found = getattr(importlib.import_module(module), name)
            elif cmd_name in _registered():
                found = _registered()[cmd_name].load()
            else:
                return None
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in _ROOMS:
                raise
            return None
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begin with; say if only the other environment has it."""
        name = args[0]
        if name in {*_OWN, *_registered()} and self.get_command(ctx, name) is None:
            ctx.fail(
                f"'{name}' is not in this environment; the other one's nitamono has it "
                "(.venv/pipeline/bin, .venv/serving/bin)"
            )
        if self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error raised on purpose becomes one clear line and exit status 1.

        So does one of the file system: a home that cannot be written, a disk that is full.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(
                "\nstopped; the same command goes on from the last piece of work that was finished",
                err=True,
            )
            raise SystemExit(INTERRUPTED) from None
        except NitamonoError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever reads has left: click's own way is right
                raise
            log.info("where it happened", exc_info=True)
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise click.ClickException(
                f"{what}; NITAMONO_HOME must be a folder that you may write to, with room left"
            ) from error


def _registered() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="nitamono.commands")}


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nitamono")
@click.option("-v", "--verbose", is_flag=True, help="Log what the library does, on stderr.")
def main(verbose: bool) -> None:
    """Visual search for shops: catalogue photos in, "more like this" out."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
