"""The loop learns, continues where it stopped, and writes weights that load."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from feature_store.vision.product_detector import ProductDetector, load_product_detector
from feature_store.vision.training.artwork import Artwork
from feature_store.vision.training.evaluate import measure
from feature_store.vision.training.loop import Trainer, epoch, new_detector, write_weights
from feature_store.vision.training.maps import (
    Chunk,
    RenderJob,
    look,
    plan_chunks,
    read_chunk,
    save_chunk,
)
from feature_store.vision.training.settings import TrainingSettings

SETTINGS = TrainingSettings(
    scenes=16, image_size=160, channels=32, batch=8, warmup_steps=4, ema_decay=0.5, epochs=20
)


@pytest.fixture(scope="module")
def detector() -> ProductDetector:
    return new_detector(SETTINGS)


@pytest.fixture(scope="module")
def chunk(detector: ProductDetector) -> Chunk:
    job = RenderJob(Path(), "train", 0, SETTINGS.scenes, SETTINGS.image_size, Path())
    return look(detector.trunk, job, Artwork((), ()))


def test_the_loss_falls_on_a_few_scenes_and_the_trunk_stays(chunk: Chunk) -> None:
    model = new_detector(SETTINGS)
    before = {name: value.clone() for name, value in model.trunk.state_dict().items()}
    trainer = Trainer(model, SETTINGS, steps=40)
    losses = [trainer.step(chunk) for _ in range(25)]
    assert sum(losses[-3:]) < 0.75 * sum(losses[:3])
    assert all(torch.equal(value, before[name]) for name, value in model.trunk.state_dict().items())


def test_a_saved_run_continues_exactly(chunk: Chunk, tmp_path: Path) -> None:
    steady = TrainingSettings(**{**SETTINGS.__dict__, "feature_noise": 0.0})
    whole = Trainer(new_detector(steady), steady, steps=6)
    for _ in range(2):
        whole.step(chunk)
    whole.save(tmp_path / "state.safetensors", epochs=1)
    after = whole.step(chunk)
    again = Trainer(new_detector(steady), steady, steps=6)
    assert again.resume(tmp_path / "state.safetensors") == 1
    assert again.done == 2
    assert again.step(chunk) == pytest.approx(after, rel=1e-3)


def test_an_epoch_sees_every_scene_once(chunk: Chunk, tmp_path: Path) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        save_chunk(chunk, path)
    trainer = Trainer(new_detector(SETTINGS), SETTINGS, steps=4)
    seen: list[float] = []
    epoch(trainer, paths, seed=1, seen=seen.append)
    assert len(seen) == trainer.done == 4
    kept = read_chunk(paths[0])
    assert torch.equal(kept.boxes.nan_to_num(-1), chunk.boxes.nan_to_num(-1))


def test_chunks_are_planned_with_their_own_seeds(tmp_path: Path) -> None:
    settings = TrainingSettings(scenes=600, held_out=600, seed=1)
    train = plan_chunks(tmp_path, tmp_path, "train", settings)
    held = plan_chunks(tmp_path, tmp_path, "held", settings)
    assert [job.scenes for job in train] == [256, 256, 88]
    starts = {job.seed for job in train + held}
    assert len(starts) == 6


def test_written_weights_load_to_the_same_answers(
    detector: ProductDetector, tmp_path: Path
) -> None:
    path = tmp_path / "product.safetensors"
    write_weights(detector, path, {"map50": "0.5"})
    loaded = load_product_detector(path)
    images = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = detector.eval()(images)[0], loaded(images)[0]
    assert torch.allclose(ours, theirs, atol=0.5)  # pixels, after rounding to float16
    assert not loaded.training


def test_measuring_perfect_and_absent_answers(
    chunk: Chunk, detector: ProductDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    from feature_store.vision.training import evaluate

    truths = iter(chunk.boxes * SETTINGS.image_size)

    def perfect(model: object, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        boxes = [next(truths) for _ in range(len(maps[0]))]
        kept = [box[~box[:, 0].isnan()] for box in boxes]
        return [torch.cat([box, torch.full((len(box), 2), 0.9)], 1) for box in kept]

    monkeypatch.setattr(evaluate, "predict", perfect)
    good = measure(detector, [chunk])
    assert good.map50 > 0.99
    assert good.map50_95 > 0.99
    assert good.best_box_rate == good.recall_at_25 == 1
    monkeypatch.setattr(
        evaluate, "predict", lambda model, maps: [torch.zeros(0, 6) for _ in maps[0]]
    )
    assert measure(detector, [chunk]).map50 == 0
