"""The vectors that `make bench-index` indexes, the queries, and what an exact search answers.

Run as a program it makes the features of Fashion-MNIST, for which torch is needed; everything else
needs numpy alone. What has been made is kept under NITAMONO_HOME/bench.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from feature_store.bundle.mapped import map_array
from feature_store.bundle.projection import Projection
from feature_store.bundle.write import write_array
from feature_store.index.evaluate import QuerySample, Truth, find_truth
from feature_store.index.reduce import fit_mean

Floats = npt.NDArray[np.float32]

FASHION = 60_000
"""This many vectors stand for the photos of Fashion-MNIST; any other number is synthesised."""
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
HEAD = 1280
"""Length of EfficientNet-Lite0's averaged head, with which its feature vectors begin."""
CROP_PX = 128
PARTS = ("train", "t10k")

BLOCK_ROWS = 8192
PER_CLUSTER, CLUSTER_DIM, SPREAD, NOISE = 1000, 24, 0.7, 0.15
"""Points of a synthetic cluster (on average), the directions it extends in, and how far it does in
these and in all others, where clusters are 1 from the middle."""


@dataclass(frozen=True)
class Dataset:
    """Vectors on disk, ready to be indexed, and queries that are none of them."""

    folder: Path

    @property
    def vectors(self) -> Floats:
        """float32 (n, dim), unit length, centred as a bundle's are: what every engine is given."""
        return map_array(self.folder / "vectors.npy")

    @property
    def queries(self) -> Floats:
        """float32 (q, dim), centred."""
        return np.asarray(map_array(self.folder / "queries.npy"))

    def truth(self) -> Truth:
        """Compare the queries with all vectors, once for all."""
        queries, found = self.queries, self.folder / "floor.npy"
        if not found.is_file():
            floors = []
            for start in track(range(0, len(queries), 500), "exact answers", console=_console()):
                sample = QuerySample(queries[start : start + 500], np.full(500, -1, np.int32))
                floors.append(find_truth(self.vectors, sample, np.asarray).floor)
            half = found.with_suffix(".half")
            write_array(half, (len(queries),), floors)
            half.rename(found)
        nobody = np.full(len(queries), -1, np.int32)
        return Truth(queries, nobody, np.asarray(map_array(found)), 10, nobody[:, None])


def prepare(count: int, dim: int, queries: int) -> Dataset:
    """Make the dataset of `count` vectors, unless an earlier run has left it."""
    name = f"fashion-{HEAD}" if count == FASHION else f"clusters-{count}-{dim}"
    dataset = Dataset(_home() / f"{name}-{queries}")
    if not (dataset.folder / "queries.npy").is_file():
        dataset.folder.mkdir(parents=True, exist_ok=True)
        raw, asked = _fashion(queries) if count == FASHION else draw_clusters(count, dim, queries)
        mean = fit_mean(raw, 10.0)
        projection = Projection(mean, np.empty((len(mean), 0), np.float32))
        blocks = (projection.centre(block) for block in _blocks(raw))
        write_array(dataset.folder / "vectors.npy", raw.shape, blocks)
        write_array(dataset.folder / "queries.npy", asked.shape, [projection.centre(asked)])
    return dataset


def _home() -> Path:
    return Path(os.environ.get("NITAMONO_HOME", "var")) / "bench" / "index"


def _console() -> Console:
    return Console(stderr=True)


def _blocks(values: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(values), BLOCK_ROWS):
        yield values[start : start + BLOCK_ROWS]


def draw_clusters(count: int, dim: int, queries: int) -> tuple[Floats, Floats]:
    """Draw vectors as catalogues have them: in groups of unlike sizes, flat, that overlap a little.

    The middles of the groups lie in all directions; around its middle each extends in a few
    directions of its own, ever less far.
    """
    random = np.random.default_rng((20, count, dim))
    clusters = max(2, count // PER_CLUSTER)
    middles = _unit(random.standard_normal((clusters, dim), np.float32))
    few = min(CLUSTER_DIM, dim)
    extents = (1 / np.sqrt(1 + np.arange(few))).astype(np.float32)
    extents *= SPREAD / np.linalg.norm(extents)
    axes = random.standard_normal((clusters, few, dim), np.float32) / np.float32(dim**0.5)
    sizes = random.lognormal(0.0, 1.0, clusters)
    labels = random.choice(clusters, count + queries, p=sizes / sizes.sum())
    drawn = np.empty((count + queries, dim), np.float32)
    for start in range(0, len(drawn), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        size = len(labels[rows])
        noise = random.standard_normal((size, dim), np.float32) * np.float32(NOISE / dim**0.5)
        places = random.standard_normal((size, few), np.float32) * extents
        drawn[rows] = middles[labels[rows]] + noise
        for cluster in np.unique(labels[rows]):
            here = labels[rows] == cluster
            drawn[rows][here] += places[here] @ axes[cluster]
    return drawn[:count], drawn[count:]


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _fashion(queries: int) -> tuple[Floats, Floats]:
    """Return the features of the 60,000 photos, and of the first test photos."""
    stored, asked = (_features_path(part) for part in PARTS)
    if not (stored.is_file() and asked.is_file()):
        raise SystemExit(
            f"the features of Fashion-MNIST are not in {stored.parent}: make bench-index makes them"
        )
    return map_array(stored), np.asarray(map_array(asked))[:queries]


def _features_path(part: str) -> Path:
    return _home() / "fashion" / f"{part}.npy"


def extract_fashion() -> None:
    """Describe the photos of Fashion-MNIST by the head of EfficientNet-Lite0, once."""
    wanted = {part: _photos(part) for part in PARTS if not _features_path(part).is_file()}
    if not wanted:
        return
    from feature_store.vision.efficientnet import EfficientNetExtractor
    from feature_store.vision.settings import VisionSettings

    settings = VisionSettings(extractor="efficientnet-lite0", crop_px=CROP_PX, extractor_batch=64)
    extractor = EfficientNetExtractor(settings)
    for part, photos in wanted.items():
        shown = track(list(_blocks(photos)), f"features of {part}", console=_console())
        # 28 by 28 grey pixels; the extractor enlarges them, and its vectors begin with the head.
        blocks = (
            _unit(extractor.extract(list(np.repeat(block[..., None], 3, axis=3)))[:, :HEAD])
            for block in shown
        )
        path = _features_path(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        write_array(half, (len(photos), HEAD), blocks)
        half.rename(path)


def _photos(part: str) -> npt.NDArray[np.uint8]:
    """uint8 (n, 28, 28): the photos of `train` or `t10k`, from the files in which they come."""
    folder = Path(os.environ.get("FASHION_MNIST", FASHION_FOLDER))
    path = folder / f"{part}-images-idx3-ubyte.gz"
    if not path.is_file():
        raise SystemExit(
            f"{path} is missing: install Debian's package dataset-fashion-mnist (apt-get install "
            "dataset-fashion-mnist), or set FASHION_MNIST to the folder of its four .gz files"
        )
    pixels = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16)
    return pixels.reshape(-1, 28, 28)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--vectors", type=int, nargs="*", default=[FASHION])
    given, _ = parser.parse_known_args()
    if FASHION in given.vectors:
        extract_fashion()
    return 0


if __name__ == "__main__":
    sys.exit(main())
