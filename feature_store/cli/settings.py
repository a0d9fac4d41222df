"""`nitamono settings`: every setting, its default, and what it means."""

from __future__ import annotations

import shutil
import textwrap

import click

from feature_store.settings import SERVING, Settings


@click.command(short_help="Every setting, its default and its meaning.")
def settings() -> None:
    """List every setting with its environment variable, its default and its meaning.

    Names and defaults stand whole on a line of their own, however narrow the terminal.
    """
    width = min(100, shutil.get_terminal_size().columns)
    for name, default, sentence in Settings.describe():
        shown = "" if default in ("", None) else str(default)
        click.echo(f"{click.style(name, bold=True)}={shown}")
        click.echo(textwrap.fill(sentence, width, initial_indent="  ", subsequent_indent="  "))
    click.echo(f"\n{SERVING}* are the lookup service's: 'nitamono serve --help' lists them")
