"""The switch waits until nothing is missing, can be undone, and never mixes two extractors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feature_store.bundle import BundleRegistry, Rules, Searcher
from feature_store.errors import StoreError
from feature_store.index.settings import IndexSettings
from feature_store.models import ExtractorsInUse, ModelRegistry
from feature_store.nightly import build_and_publish, needs_build
from feature_store.nightly.needs import choose_extractor
from feature_store.settings import Settings
from feature_store.tables import open_store
from feature_store.upgrade import (
    commit_upgrade,
    extract_chunk,
    nothing_to_do,
    plan_upgrade,
    run_upgrade,
    switch,
    undo,
)
from tests.feature_store.upgrade.gallery import Gallery


@pytest.fixture
def stocked(gallery: Gallery) -> Gallery:
    """Enough items for an index, on two days."""
    for day in (1, 2):
        photos = {
            f"item {n}": [gallery.photo(f"{n}.png", n)] for n in range(12 * day - 12, 12 * day)
        }
        gallery.write(f"2026-03-{day:02d}", photos)
    gallery.settings = replace(gallery.settings, index=IndexSettings(reduced_dim=8, neighbours=10))
    return gallery


def answers(settings: Settings) -> dict[str, list[tuple[int, float]]]:
    searcher = Searcher(BundleRegistry(settings.home / "bundles").open())
    ids = searcher.bundle.items["item_id"].to_pylist()
    return {
        item: [
            (hit.item, round(hit.score, 3)) for hit in searcher.similar(item, Rules(limit=5)).hits
        ]
        for item in ids
    }


def indexed(settings: Settings) -> tuple[str, int]:
    manifest = BundleRegistry(settings.home / "bundles").open().manifest
    return manifest.extractor, manifest.counts.regions


def test_it_is_refused_with_the_figure_while_an_image_is_missing(gallery: Gallery) -> None:
    gallery.three_days()
    fine = gallery.models["fine"]
    plan = plan_upgrade(gallery.settings, fine, images=2)
    for chunk in plan.chunks:
        extract_chunk(chunk, gallery.settings)
    commit_upgrade(plan.folder, gallery.settings)
    said = (
        rf"{gallery.identity('fine')} describes 2 of 5 images \(40 %\); 3 are missing, such as one "
        r"of item 'item 0' of 2026-03-02; 'nitamono models upgrade .*fine\.onnx'"
    )
    for by_hand in (True, False):
        with pytest.raises(StoreError, match=said):
            switch(gallery.settings, fine, by_hand=by_hand)
    state = ModelRegistry(gallery.settings.home).look(gallery.models["coarse"])
    assert state.in_use == ExtractorsInUse(gallery.models["coarse"], (fine,))
    assert state.history == ()


def test_the_index_follows_the_switch_and_its_undoing_and_never_mixes(stocked: Gallery) -> None:
    settings, fine = stocked.wanting("fine"), stocked.models["fine"]
    settings = replace(settings, index=stocked.settings.index)
    ModelRegistry(settings.home).in_use(stocked.models["coarse"])
    build_and_publish(settings)
    before = answers(settings)
    assert indexed(settings) == (stocked.identity("coarse"), 48)

    plan = plan_upgrade(settings, images=20)  # nearly all of it, and not switched to
    for chunk in plan.chunks:
        extract_chunk(chunk, settings)
    commit_upgrade(plan.folder, settings)
    assert not needs_build(settings)  # what another extractor describes is nothing to this index
    build_and_publish(settings)
    assert indexed(settings) == (stocked.identity("coarse"), 48)
    assert answers(settings) == before

    run_upgrade(settings, fine)
    assert needs_build(settings)
    build_and_publish(settings, approved=True)
    assert indexed(settings) == (stocked.identity("fine"), 48)
    vectors = BundleRegistry(settings.home / "bundles").open().vectors
    assert vectors.shape == (48, 48)
    assert answers(settings) != before
    assert not needs_build(settings)

    assert undo(settings).startswith(f"{stocked.identity('coarse')} describes 24 of 24")
    assert needs_build(settings)
    build_and_publish(settings, approved=True)
    assert indexed(settings) == (stocked.identity("coarse"), 48)
    assert answers(settings) == before


def test_what_a_person_undid_is_not_switched_to_by_itself(gallery: Gallery) -> None:
    gallery.three_days()
    settings, fine = gallery.wanting("fine"), gallery.models["fine"]
    ModelRegistry(settings.home).in_use(gallery.models["coarse"])
    run_upgrade(settings, fine)
    undo(settings)
    reason = nothing_to_do(settings)
    assert reason is not None
    assert "a person has turned away from it" in reason
    with pytest.raises(StoreError, match="a person has turned away"):
        switch(settings, by_hand=False)
    assert ModelRegistry(settings.home).in_use(fine) == ExtractorsInUse(gallery.models["coarse"])
    assert nothing_to_do(settings, fine) is None  # whoever names it has chosen it
    switch(settings, fine, by_hand=True)
    assert ModelRegistry(settings.home).in_use(fine).active == fine


def test_an_undo_waits_for_what_a_retired_extractor_has_missed(gallery: Gallery) -> None:
    gallery.three_days()
    settings, coarse = gallery.wanting("fine"), gallery.models["coarse"]
    ModelRegistry(settings.home).in_use(coarse)
    run_upgrade(settings, gallery.models["fine"])
    gallery.write("2026-03-05", {"late": [gallery.photo("late.png", 50)]}, under=["fine"])
    with pytest.raises(StoreError, match=r"describes 5 of 6 images \(83.3 %\); 1 is missing"):
        undo(settings)
    run_upgrade(settings, coarse, then_switch=False)
    undo(settings)
    assert ModelRegistry(settings.home).in_use(gallery.models["fine"]).active == coarse


def test_the_history_tells_the_figures_and_the_identities(gallery: Gallery) -> None:
    gallery.three_days()
    ModelRegistry(gallery.settings.home).in_use(gallery.models["coarse"])
    run_upgrade(gallery.settings, gallery.models["fine"])
    undo(gallery.settings)
    first, second = ModelRegistry(gallery.settings.home).history()
    assert (first.identity, first.described, first.indexed) == (gallery.identity("fine"), 5, 5)
    assert first.before.identity == second.identity == gallery.identity("coarse")


def test_switching_to_what_answers_already_is_no_switch(gallery: Gallery) -> None:
    gallery.three_days()
    told = switch(gallery.settings, by_hand=True)
    assert told == f"{gallery.identity('coarse')} describes 5 of 5 images (100 %)"
    assert ModelRegistry(gallery.settings.home).history() == []


def test_nearly_all_is_never_called_all(gallery: Gallery) -> None:
    photo, other = gallery.photo("0.png", 0), gallery.photo("1.png", 1)
    gallery.write(
        "2026-03-01", {f"item {n}": [photo] for n in range(1100)}, under=["coarse", "fine"]
    )
    gallery.write("2026-03-02", {"last": [other]})
    with pytest.raises(StoreError, match=r"describes 1,100 of 1,101 images \(99.9 %\)"):
        switch(gallery.settings, gallery.models["fine"], by_hand=True)
    assert open_store(gallery.settings).snapshot().coverage(gallery.identity("fine")).share < 1


def test_another_version_of_the_model_that_answers_is_upgraded_to_and_switched_to(
    gallery: Gallery,
) -> None:
    gallery.three_days()
    settings, coarse = gallery.settings, gallery.models["coarse"]
    ModelRegistry(settings.home).in_use(coarse)
    run_upgrade(settings, gallery.models["fine"])
    undo(settings)
    before = gallery.identity("coarse")
    Path(coarse).write_bytes(Path(gallery.models["fine"]).read_bytes())
    assert gallery.identity("coarse") != before
    assert nothing_to_do(settings) is None
    assert choose_extractor(open_store(settings).snapshot(), settings) == before
    run_upgrade(settings, coarse)
    assert choose_extractor(open_store(settings).snapshot(), settings) == gallery.identity("coarse")
    undo(settings)
    assert choose_extractor(open_store(settings).snapshot(), settings) == before
