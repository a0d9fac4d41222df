"""Every product can be designed, over and over the same, as sound geometry."""

from __future__ import annotations

import random

import numpy as np
import pytest

from feature_store.demo.listings import LISTINGS, Listing
from feature_store.demo.materials import table
from feature_store.demo.palette import COLOURS


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: str(listing.category))
def test_designs_are_sound(listing: Listing) -> None:
    for seed in range(6):
        design = listing.design(random.Random(seed))
        assert design.colour in COLOURS
        assert all((design.style, design.pattern, design.material))
        for mesh, material in design.model.parts:
            count = len(mesh.vertices)
            assert mesh.normals.shape == (count, 3)
            assert mesh.uvs.shape == (count, 2)
            assert mesh.tints.shape == (count,)
            assert mesh.triangles.min() >= 0
            assert mesh.triangles.max() < count
            for array in (mesh.vertices, mesh.normals, mesh.uvs, mesh.tints):
                assert array.dtype == np.float32
                assert np.isfinite(array).all()
            assert np.isfinite(table([material])).all()


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: str(listing.category))
def test_the_same_chance_designs_the_same_item(listing: Listing) -> None:
    one, two = (listing.design(random.Random("again")) for _ in range(2))
    assert (one.style, one.colour, one.pattern) == (two.style, two.colour, two.pattern)
    np.testing.assert_array_equal(one.model.points(), two.model.points())


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: str(listing.category))
def test_categories_have_several_styles_and_colours(listing: Listing) -> None:
    designs = [listing.design(random.Random(seed)) for seed in range(24)]
    assert len({design.style for design in designs}) >= 3
    assert len({design.colour for design in designs}) >= 4
