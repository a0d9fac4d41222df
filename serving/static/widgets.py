"""The widget beside the answers, so that a page needs no other address."""

from __future__ import annotations

from pathlib import Path

from serving.pages import WIDGET_NAME, Widgets


def write_widgets(widgets: Widgets, folder: Path) -> None:
    """Write every version of the widget that is not there yet, where a service has it, too."""
    for version, asset in widgets.versions.items():
        path = folder / "widget" / version / WIDGET_NAME
        if not path.is_file() or path.read_bytes() != asset.body:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}")
            beside.write_bytes(asset.body)
            beside.replace(path)
