"""`nitamono settings`: every setting, its value here, and what it means."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from feature_store.settings import Settings


@click.command()
def settings() -> None:
    """List every setting with its environment variable, its default and its meaning."""
    table = Table("variable", "default", "meaning")
    for name, default, sentence in Settings.describe():
        table.add_row(name, str(default).replace("[", r"\["), sentence.replace("[", r"\["))
    Console().print(table)
