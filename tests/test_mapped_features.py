"""Features in a mapped file are read where they are needed: no learner here copies them as a whole."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import pytest

import graphrep as gr
from graphrep.ops.library import empty_cache

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")

NODES, WIDTH = 20_000, 1024
PLAIN = {"dimensions": 8, "progress": False}
SAMPLED = PLAIN | {"epochs": 1, "batch_size": 100, "max_seconds": 0.2, "untrained_scores": False}
LEARNERS = {
    "PropagatedFeatures": lambda _: gr.PropagatedFeatures(dimensions=8, hops=(0, 1)),
    "StructComp": lambda n: gr.StructComp(**PLAIN, epochs=2, residual=False, partition=np.arange(n) // 20),
    "Contrastive": lambda _: gr.Contrastive(**PLAIN, objective="cca-ssg", epochs=1, residual=False),
    "GAE": lambda _: gr.GAE(**SAMPLED, layers=2, convolution="gcn", neighbors=(3, 3)),
    "NCN": lambda _: gr.NCN(**SAMPLED, neighbors=[5]),
    "NCN on the whole graph": lambda _: gr.NCN(**SAMPLED | {"batch_size": NODES, "feature_dropout": 0.0}),
}


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A graph whose features are a mapped .npy file, and one that was saved with them."""
    folder = tmp_path_factory.mktemp("features")
    rng = np.random.default_rng(0)
    x = np.lib.format.open_memmap(folder / "x.npy", mode="w+", dtype=np.float32, shape=(NODES, WIDTH))
    for begin in range(0, NODES, 1000):
        x[begin : begin + 1000] = rng.standard_normal((1000, WIDTH), dtype=np.float32)
    x.flush()
    edges = rng.integers(NODES, size=(2, NODES))
    graph = gr.as_graph(edges, num_nodes=NODES, directed=False, x=np.load(folder / "x.npy", mmap_mode="r"))
    graph.save(folder / "g.graph")
    return graph, gr.open_graph(folder / "g.graph")


def anonymous():
    """Bytes of memory that are not pages of files."""
    with open("/proc/self/statm", encoding="ascii") as file:
        resident, shared = map(int, file.read().split()[1:3])
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def peak(fit):
    """The most that ``fit`` had at a time, looked at every millisecond."""
    empty_cache()
    before, seen, done = anonymous(), [0], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(anonymous())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        fit()
    finally:
        done.set()
        watcher.join()
    return max(seen) - before


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_mapped_features_are_not_copied(mapped, make, saved):
    tiny = gr.as_graph([[0, 1, 2], [1, 2, 3]], directed=False, x=np.eye(4, 9, dtype=np.float32))
    make(4).fit(tiny)  # loads what it needs
    graph = mapped[saved]
    assert peak(lambda: make(NODES).fit(graph)) < 0.6 * 4 * NODES * WIDTH


def test_untrained_columns_copy_the_features_and_say_so(mapped):
    model = gr.StructComp(**PLAIN | {"dimensions": 32}, epochs=1, partition=np.arange(NODES) // 20)
    needed = model._memory_needed(mapped[1])
    assert 4 * NODES * WIDTH < needed < 6 * NODES * WIDTH
    assert peak(lambda: model.fit(mapped[1])) < 1.3 * needed


def test_a_copy_would_be_seen(mapped):
    assert peak(lambda: (np.array(mapped[0].x), time.sleep(0.2))) > 0.9 * 4 * NODES * WIDTH
