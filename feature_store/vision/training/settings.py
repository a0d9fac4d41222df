"""How the shipped detector is trained; every number of the run in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run."""

    scenes: int = 12288
    """Scenes to train on."""
    held_out: int = 512
    """Scenes to measure on, from artwork that training never sees."""
    image_size: int = 320
    """Side of the square that scenes are composed in, in pixels; a multiple of 32."""
    channels: int = 96
    """Width of the neck and of the head's input."""
    epochs: int = 12
    """Passes over the scenes."""
    batch: int = 32
    """Scenes in one step."""
    learning_rate: float = 2e-3
    """AdamW's peak rate, after the warm-up and before the cosine."""
    weight_decay: float = 0.02
    """AdamW's decay; biases and norms have none."""
    warmup_steps: int = 150
    """Steps over which the rate rises from nothing."""
    ema_decay: float = 0.998
    """The shipped weights are a running mean of the trained ones with this memory."""
    feature_noise: float = 0.1
    """Noise on the trunk's maps, relative to their spread: stands in for picture augmentation."""
    box_gain: float = 7.5
    """Weight of the box loss; this and the next two are ultralytics' defaults."""
    class_gain: float = 0.5
    """Weight of the score loss."""
    dfl_gain: float = 1.5
    """Weight of the distribution focal loss."""
    seed: int = 0
    """Chooses the scenes, the first weights and the order."""
    workers: int = 2
    """Processes that compose scenes."""
    threads: int = 2
    """Torch's threads."""
