"""One designed item: its model and the words that describe it."""

from __future__ import annotations

from dataclasses import dataclass

from feature_store.demo.model import Model


@dataclass(frozen=True)
class Design:
    """What a designer hands over: the model, and style, colour, pattern and material in words."""

    model: Model
    style: str
    colour: str
    pattern: str
    material: str
