"""Learners whose rows are divided, in one process; several of them are in tests/distributed."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

import graphrep as gr
from graphrep.csr import CSR, double_cover, transpose_csr
from graphrep.distributed import Ranks
from graphrep.distributed.halo import RowGraph

RNG = np.random.default_rng(0)
GRAPH = gr.as_graph(RNG.integers(300, size=(2, 900)), num_nodes=301, weights=RNG.random(900), x=RNG.random((301, 9)))
SECOND_TABLE = "needs a second table of all nodes .*, which fit does not keep with out="


@pytest.mark.parametrize("shard", ["rows", "columns"])
@pytest.mark.parametrize("learner", [gr.Spectral, gr.ProNE, gr.HOPE, gr.PropagatedFeatures])
def test_the_file_is_that_of_a_fit_in_memory(learner, shard, tmp_path):
    expected = learner(dimensions=5, n_jobs=1).fit(GRAPH)
    expected.node_vectors_.save(tmp_path / "expected.npy")
    out = tmp_path / "out.npy"
    model = learner(dimensions=5, n_jobs=1).fit(GRAPH, shard=shard, out=out, memory="100MB")
    assert out.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    assert not model.embedding_.flags.writeable
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected.npy", "out.npy"]

    ends = np.array([[5, 9, 300], [301, 301, 301]])
    new = gr.as_graph(ends, num_nodes=302, x=np.vstack([GRAPH.x, np.ones((1, 9))]))
    if learner in (gr.ProNE, gr.HOPE):
        with pytest.raises(ValueError, match=SECOND_TABLE):
            model.transform(new)
        with pytest.raises(ValueError, match=SECOND_TABLE):
            model.save(tmp_path / "some.model")
        return
    found = model.transform(new).vectors
    np.testing.assert_array_equal(found, expected.transform(new).vectors)
    model.save(tmp_path / "some.model")
    np.testing.assert_array_equal(gr.load(tmp_path / "some.model").transform(new).vectors, found)


@pytest.mark.parametrize(
    ("error", "text", "options"),
    [
        (ValueError, 'shard must be "columns" or "rows", got 3', {"shard": 3}),
        (ValueError, 'shard="rows" leaves no rank with all vectors; give out=', {"shard": "rows"}),
        (TypeError, "memory= bounds a fit whose vectors go to a file; give out=", {"memory": "1GB"}),
        (ValueError, r"\.npy", {"shard": "rows", "out": "out.csv"}),
        (ValueError, "memory must be at least 1 MB", {"shard": "rows", "out": "out.npy", "memory": 5}),
        (MemoryError, "rank 0 of 1 needs .* for its rows", {"shard": "rows", "out": "out.npy", "memory": "1MB"}),
    ],
)
def test_what_cannot_be_fitted_by_rows_is_refused(error, text, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=text):
        gr.Spectral(dimensions=512).fit(GRAPH, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("learner", [gr.Spectral, gr.ProNE, gr.HOPE, gr.PropagatedFeatures])
def test_a_fit_by_rows_stays_within_its_memory(learner, directed, tmp_path):
    if directed and learner is gr.HOPE:
        return
    ends = RNG.integers(10_000, size=(2, 100_000))
    x = RNG.random((10_000, 40), dtype=np.float32) if learner is gr.PropagatedFeatures else None
    graph = gr.as_graph(ends, num_nodes=10_000, directed=directed, x=x)
    model, out = learner(dimensions=16, n_jobs=1), tmp_path / "out.npy"
    model.fit(GRAPH, shard="rows", out=out)  # imports what it imports
    least, used = 1_000_000, None
    while used is None:  # before arcs are read, before those of others come, and with the halo
        tracemalloc.start()
        try:
            model.fit(graph, shard="rows", out=out, memory=least)
            used = tracemalloc.get_traced_memory()[1]
        except MemoryError as error:
            more = int(re.search(r"give memory=(\d+)", str(error))[1])
            assert least < more
            least = more
        finally:
            tracemalloc.stop()
    assert 0.4 * least < used < least + 1_000_000


def test_a_cover_has_an_edge_for_every_arc():
    graph = gr.as_graph(RNG.integers(40, size=(2, 200)), directed=True, num_nodes=40, weights=RNG.random(200))
    csr = CSR(graph.indptr, graph.indices, graph.weights)
    cover = double_cover(csr, transpose_csr(csr))
    dense = gr.Graph(*cover, directed=False).to_scipy().toarray()
    arcs = graph.to_scipy().toarray()
    np.testing.assert_array_equal(dense[::2, 1::2], arcs)
    np.testing.assert_array_equal(dense[1::2, ::2], arcs.T)
    assert not dense[::2, ::2].any()
    assert not dense[1::2, 1::2].any()


@pytest.mark.parametrize("weights", [None, np.ones(150), RNG.random(150)])
def test_rows_of_an_undirected_graph(weights):
    graph = gr.as_graph(RNG.integers(60, size=(2, 150)), directed=True, num_nodes=60, weights=weights, merge="max")
    rows = RowGraph(graph, Ranks(), 1, form="undirected")
    wanted = graph.to_undirected()
    np.testing.assert_array_equal(rows.csr.indptr, wanted.indptr)
    np.testing.assert_array_equal(rows.csr.indices, wanted.indices)
    np.testing.assert_array_equal(rows.degree(), wanted.weighted_degree())
