"""Trains the neck and the head on stored trunk maps, with ultralytics' own loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from ultralytics.utils.loss import v8DetectionLoss
from ultralytics.utils.ops import xyxy2xywh

from feature_store.vision.product_detector import FORMAT, VERSION, ProductDetector
from feature_store.vision.training.maps import Chunk, read_chunk
from feature_store.vision.training.pretrained import fill_trunk
from feature_store.vision.training.settings import TrainingSettings

_GROUP = 6
"""Chunks held in memory at once and shuffled together."""


def new_detector(settings: TrainingSettings) -> ProductDetector:
    """An untrained neck and head on the ImageNet trunk, the same for the same seed."""
    torch.manual_seed(settings.seed)
    model = ProductDetector(settings.channels, settings.image_size)
    fill_trunk(model.trunk)
    return model


class Trainer:
    """Owns the model, its running mean and the optimiser; one `step` is one batch of maps."""

    def __init__(self, model: ProductDetector, settings: TrainingSettings, steps: int) -> None:
        """Prepare `steps` steps on a model whose trunk is already filled."""
        self.model = model
        self.settings = settings
        self.steps = steps
        self.done = 0
        self.learned = nn.ModuleDict({"neck": model.neck, "head": model.head})
        self.mean = copy.deepcopy(self.learned)
        decayed = [p for p in self.learned.parameters() if p.ndim > 1 and p.requires_grad]
        others = [p for p in self.learned.parameters() if p.ndim <= 1 and p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
        )
        gains = SimpleNamespace(
            box=settings.box_gain, cls=settings.class_gain, dfl=settings.dfl_gain
        )
        # ultralytics' loss reads these three from its own model class.
        view = SimpleNamespace(parameters=model.parameters, args=gains, model=[model.head])
        self.loss = v8DetectionLoss(view)

    def rate(self) -> float:
        """The learning rate of the coming step: a linear warm-up, then half a cosine."""
        warm = min(1.0, (self.done + 1) / max(1, self.settings.warmup_steps))
        turn = 0.5 * (1 + math.cos(math.pi * min(1.0, self.done / max(1, self.steps))))
        return self.settings.learning_rate * warm * (0.02 + 0.98 * turn)

    def step(self, chunk: Chunk) -> float:
        """Learn from one batch; returns its mean loss per scene."""
        self.learned.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        maps = [_noisy(level.float(), self.settings.feature_noise) for level in chunk.maps]
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.model.head(self.model.neck(maps))
        raw = {
            key: [m.float() for m in value] if isinstance(value, list) else value.float()
            for key, value in raw.items()
        }
        parts, _ = self.loss(raw, _targets(chunk.boxes))
        total = parts.sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.learned.parameters(), 10.0 * len(chunk))
        self.optimiser.step()
        self.done += 1
        self._average()
        return float(total.detach()) / len(chunk)

    def _average(self) -> None:
        # A young mean must forget its random beginning: the decay itself warms up.
        decay = self.settings.ema_decay * (1 - math.exp(-self.done / 200))
        with torch.no_grad():
            pairs = zip(
                self.mean.state_dict().values(), self.learned.state_dict().values(), strict=True
            )
            for mean, now in pairs:
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - decay)

    def averaged(self) -> ProductDetector:
        """The detector with the running mean of the weights, in evaluation mode."""
        model = ProductDetector(self.model.channels, self.model.image_size)
        model.trunk.load_state_dict(self.model.trunk.state_dict())
        model.neck.load_state_dict(self.mean["neck"].state_dict())
        model.head.load_state_dict(self.mean["head"].state_dict())
        return model.eval()

    def save(self, path: Path, epochs: int) -> None:
        """Write all that a later `resume` needs, after so many whole epochs."""
        tensors = {f"now.{k}": v for k, v in self.learned.state_dict().items()}
        tensors |= {f"mean.{k}": v for k, v in self.mean.state_dict().items()}
        state = self.optimiser.state_dict()["state"]
        for number, moments in state.items():
            tensors |= {f"adam.{number}.{k}": torch.as_tensor(v) for k, v in moments.items()}
        part = path.with_suffix(".part")
        contiguous = {k: v.detach().clone().contiguous() for k, v in tensors.items()}
        save_file(contiguous, str(part), metadata={"done": str(self.done), "epochs": str(epochs)})
        part.replace(path)

    def resume(self, path: Path) -> int:
        """Continue from a file that `save` wrote; returns the epochs it had seen."""
        with safe_open(str(path), framework="pt") as file:
            about = file.metadata()
        tensors = load_file(str(path))
        for prefix, module in (("now.", self.learned), ("mean.", self.mean)):
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            module.load_state_dict(own)
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, number, moment = key.split(".")
                state.setdefault(int(number), {})[moment] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.done = int(about["done"])
        return int(about["epochs"])


def epoch(
    trainer: Trainer, paths: Sequence[Path], seed: int, seen: Callable[[float], None]
) -> float:
    """One pass over the chunks in an order of `seed`; calls `seen` with each loss; their mean."""
    losses = []
    for batch in _batches(paths, trainer.settings.batch, seed):
        losses.append(trainer.step(batch))
        seen(losses[-1])
    return sum(losses) / max(1, len(losses))


def write_weights(model: ProductDetector, path: Path, about: dict[str, str]) -> None:
    """Write the detector as safetensors: convolutions float16, norms and biases float32."""
    tensors = {
        name: (value.half() if value.ndim > 1 else value.float()).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "channels": str(model.channels),
        "image_size": str(model.image_size),
        "names": "product",
    }
    part = path.with_suffix(".part")
    save_file(tensors, str(part), metadata=metadata | about)
    part.replace(path)


def _batches(paths: Sequence[Path], size: int, seed: int) -> Iterator[Chunk]:
    order = torch.Generator().manual_seed(seed)
    shuffled = [paths[i] for i in torch.randperm(len(paths), generator=order).tolist()]
    for start in range(0, len(shuffled), _GROUP):
        chunks = [read_chunk(path) for path in shuffled[start : start + _GROUP]]
        p3, p4, p5 = (torch.cat(level) for level in zip(*(c.maps for c in chunks), strict=True))
        boxes = torch.cat([c.boxes for c in chunks])
        rows = torch.randperm(len(boxes), generator=order)
        for picked in torch.split(rows, size):
            yield Chunk((p3[picked], p4[picked], p5[picked]), boxes[picked])


def _noisy(level: torch.Tensor, amount: float) -> torch.Tensor:
    level = level.contiguous(memory_format=torch.channels_last)
    if not amount:
        return level
    # One gain per scene and channel, as another exposure or tint would give.
    gain = 1 + amount * torch.randn(level.shape[0], level.shape[1], 1, 1)
    return level * gain


def _targets(boxes: torch.Tensor) -> dict[str, torch.Tensor]:
    present = ~boxes[..., 0].isnan()
    return {
        "batch_idx": present.nonzero()[:, 0].float(),
        "cls": torch.zeros(int(present.sum())),
        "bboxes": xyxy2xywh(boxes[present]),
    }
