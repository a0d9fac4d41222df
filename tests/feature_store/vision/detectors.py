"""Small modules that answer in ultralytics' formats, for tests of the detector around them."""

from __future__ import annotations

import torch
from torch import nn


class RedFinder(nn.Module):
    """Finds the bounding box of what is red: (n, 6, 1), being x, y, width, height, two scores."""

    names = {0: "shoe", 1: "bag"}  # noqa: RUF012 (ultralytics reads it like that)
    image_size = 128

    def __init__(self, scores: tuple[float, float] = (0.2, 0.9)) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.tensor(scores))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        answers = []
        for image in images.float():
            rows, columns = torch.nonzero((image[0] > 0.5) & (image[2] < 0.5), as_tuple=True)
            x0, x1 = columns.min(), columns.max() + 1
            y0, y1 = rows.min(), rows.max() + 1
            box = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])
            answers.append(torch.cat([box, self.scores.float()])[:, None])
        return torch.stack(answers)


class Canned(nn.Module):
    """Answers the same rows for every photo, as (n, rows, 6) or transposed to (n, 5, rows)."""

    image_size = 64

    def __init__(self, rows: list[list[float]], names: dict[int, str] | None = None) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.tensor(rows))
        self.names = names or {0: "product"}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = self.rows.float()
        if rows.ndim == 2 and rows.shape[1] == 5:
            rows = rows.T
        return rows.expand(len(images), *rows.shape)
