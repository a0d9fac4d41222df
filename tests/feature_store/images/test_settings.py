"""Settings that cannot be meant are refused at once."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from feature_store.errors import SettingsError
from feature_store.images.settings import PILLOW_MAX_PIXELS, ImageSettings


@pytest.mark.parametrize(
    "options",
    [{"max_pixels": PILLOW_MAX_PIXELS}, {"max_pixels": 0}, {"attempts": 0}, {"look_ahead": 0}],
)
def test_senseless_limits(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(options))):
        ImageSettings(**options)


def test_the_limit_is_pillows_own() -> None:
    assert Image.MAX_IMAGE_PIXELS == PILLOW_MAX_PIXELS
