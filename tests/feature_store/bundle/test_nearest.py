from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from feature_store.bundle import Searcher
from tests.feature_store.nightly.fake_shop import clustered


def test_exact_is_exact(searcher: Searcher) -> None:
    queries = clustered(300, 64, seed=5)
    found = searcher.exact(queries, 7)
    centred = searcher.bundle.projection.centre(queries)
    cosines = centred @ searcher.bundle.vectors[:].T
    assert np.allclose(found.cosines, np.sort(cosines, axis=1)[:, ::-1][:, :7], atol=1e-5)
    assert np.allclose(np.take_along_axis(cosines, found.regions, 1), found.cosines, atol=1e-5)


def test_two_stages_find_what_exact_search_finds(searcher: Searcher) -> None:
    queries = clustered(200, 64, seed=0) + np.float32(0.02)
    near, exact = searcher.nearest(queries, 10), searcher.exact(queries, 10)
    right = (near.cosines >= exact.cosines[:, -1:] - 1e-5).mean()
    assert right >= 0.99
    assert (np.diff(near.cosines, axis=1) <= 1e-6).all()


def test_a_region_whose_photo_many_items_show_is_found(searcher: Searcher) -> None:
    bundle = searcher.bundle
    region = int(bundle.first_region[660])
    query = np.asarray(bundle.vectors[region][None])
    found = bundle.segments[0].nearest.approximate(query, 61, 0.1, 50)
    assert np.allclose(found.cosines, 1, atol=1e-5)
    assert set(bundle.owners[found.regions[0]].tolist()) == {0, *range(640, 700)}


@pytest.mark.parametrize("way", ["nearest", "exact"])
def test_what_does_not_exist_is_minus_one(small_searcher: Searcher, way: str) -> None:
    regions = len(small_searcher.bundle.regions)
    found = getattr(small_searcher, way)(clustered(2, 64, seed=7), regions + 5)
    assert sorted(found.regions[0, :regions].tolist()) == list(range(regions))
    assert (found.regions[:, regions:] == -1).all()


FORK = """
import os, sys
from pathlib import Path
import numpy as np
from feature_store.bundle import Rules, Searcher, open_bundle, parse_filter
searcher = Searcher(open_bundle(Path(sys.argv[1])))
query = np.random.default_rng(0).normal(size=(300, 64)).astype(np.float32)
few = (parse_filter("price:99.."),)
expected = searcher.exact(query, 5).regions, searcher.similar("item-00001", Rules(filters=few))
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        same = (searcher.exact(query, 5).regions == expected[0]).all()
        same = same and searcher.similar("item-00001", Rules(filters=few)) == expected[1]
        searcher.nearest(query, 5)
        os._exit(0 if same else 1)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_forked_processes_answer_the_same(graph_bundle: Path) -> None:
    # In a process of its own: pytest's has threads, and a fork of those is another story.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK, str(graph_bundle)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


LIGHT = """
import sys
import feature_store.bundle.registry, feature_store.bundle.search
heavy = {"torch", "pandas", "PIL", "matplotlib", "ngtpy", "great_expectations", "deltalake"}
print(" ".join(heavy & set(sys.modules)))
"""


def test_importing_the_bundle_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, timeout=60, check=True
    )
    assert done.stdout.split() == []
