"""``estimate``: what a fit is said to take, against what it takes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import graphrep as gr
from graphrep.embed import MUSAE

NODES = 10_000
BUFFERS = 1_000_000
WALKS = {"walks_per_node": 1, "walk_length": 20}


def graph(*, weighted=False, directed=False):
    """A graph without isolated nodes, nor equal ones."""
    rng = np.random.default_rng(0)
    edges = np.concatenate([rng.integers(NODES, size=(2, 40_000)), [np.arange(NODES), np.roll(np.arange(NODES), 1)]], 1)
    weights = rng.random(edges.shape[1]).astype(np.float32) if weighted else None
    return gr.as_graph(edges, num_nodes=NODES, weights=weights, directed=directed)


def peak(fit):
    """Largest number of bytes that NumPy held at a time beside those from before."""
    tracemalloc.start()
    try:
        fit()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dimensions", [20, 128])
@pytest.mark.parametrize(
    ("model", "options"),
    [
        (gr.FastRP(), {}),
        (gr.FastRP(sparsity=3, normalization_strength=-0.5, self_influence=1), {"weighted": True}),
        (gr.Spectral(), {}),
        (gr.Spectral(), {"directed": True}),
        (gr.Node2Vec(p=0.5, **WALKS), {}),
        (gr.Node2Vec(q=2, **WALKS), {"weighted": True}),
        (gr.DeepWalk(**WALKS), {"directed": True}),
    ],
    ids=repr,
)
def test_the_memory_that_is_used_is_at_most_a_quarter_below_the_estimate(model, options, dimensions):
    model.set_params(dimensions=dimensions, n_jobs=1)
    model.fit(gr.as_graph([(0, 1), (1, 2)], directed=False))  # imports what it imports
    g = graph(**options)
    needed = model.estimate(g).memory
    used = peak(lambda: model.fit(g))
    assert 0.75 * needed <= used <= needed + BUFFERS


def test_a_fit_on_the_disk_stays_within_its_estimate(tmp_path):
    g = graph(weighted=True)
    model = gr.FastRP(dimensions=64, n_jobs=1)
    memory, disk, seconds = model.estimate(g, memory="9MB")
    assert memory <= 9_000_000
    assert disk == 4 * NODES * 64 * 5  # four terms have a weight
    assert seconds > model.estimate(g).seconds > 0
    assert model.estimate(g).disk == 0
    with pytest.raises(MemoryError, match="for one column"):
        gr.FastRP().estimate(gr.datasets.rmat(num_nodes=50_000, num_edges=10), memory="2MB")
    model.set_params(dimensions=160)  # two passes
    model.fit(gr.as_graph([(0, 1), (1, 2)]), out=tmp_path / "a.npy")  # imports what it imports
    for precision in ("float32", "float16"):
        model.set_params(precision=precision)
        needed = model.estimate(g, memory="8MB").memory
        used = peak(lambda: model.fit(g, out=tmp_path / "a.npy", memory="8MB"))
        assert 0.75 * needed <= used <= needed + 2 * BUFFERS


def test_time_grows_with_the_work():
    g = graph()
    for one, two in (
        (gr.FastRP(iteration_weights=(1, 1)), gr.FastRP(iteration_weights=(1, 1, 1, 1))),
        (gr.Node2Vec(walks_per_node=5), gr.Node2Vec(walks_per_node=10)),
    ):
        assert two.estimate(g).seconds == pytest.approx(2 * one.estimate(g).seconds)
    assert gr.Spectral(n_jobs=1).estimate(g).seconds == pytest.approx(4 * gr.Spectral(n_jobs=4).estimate(g).seconds)


def test_what_has_no_formula_says_so():
    with pytest.raises(NotImplementedError, match="MUSAE has no estimate: its memory depends on the features"):
        MUSAE().estimate(graph())
    with pytest.raises(ValueError, match="dimensions must be at least 1"):
        gr.FastRP(dimensions=0).estimate(graph())
